"""The release list and the download cache."""

import dataclasses
import json

import pytest

from scripts import registry, releases
from scripts.errors import Failure


def test_the_committed_list_is_ordered_and_complete():
    listed = releases.load()
    assert listed[0].version == "2.10.4"
    assert len({release.version for release in listed}) == len(listed) >= 170
    assert [release.timestamp for release in listed] == sorted(r.timestamp for r in listed)


def test_update_restores_what_is_missing_and_changes_nothing_else(tmp_path):
    listed = releases.load()
    shorter = tmp_path / "releases.json"
    kept = [dataclasses.asdict(release) for release in listed[:-2]]
    shorter.write_text(json.dumps({"releases": kept}))
    new = registry.update(shorter)
    assert new[:2] == listed[-2:]
    assert releases.load(shorter)[: len(listed)] == listed


def test_update_twice_adds_nothing(tmp_path):
    path = tmp_path / "releases.json"
    registry.update(path)
    before = path.read_bytes()
    assert registry.update(path) == []
    assert path.read_bytes() == before


def test_unreadable_list_is_told_in_one_line(tmp_path):
    broken = tmp_path / "releases.json"
    broken.write_text("{")
    with pytest.raises(Failure, match="git checkout"):
        releases.load(broken)


def test_a_yanked_release_is_not_added_and_a_listed_one_stays(tmp_path, monkeypatch):
    listed = releases.load()
    known = registry.published_sdists()
    # No release of metaflow's was ever yanked.
    for package in known.values():
        package.is_yanked = True
    monkeypatch.setattr(registry, "published_sdists", lambda: known)
    shorter = tmp_path / "releases.json"
    shorter.write_text(json.dumps({"releases": [dataclasses.asdict(listed[0])]}))
    assert registry.update(shorter) == []
    monkeypatch.setenv("METAFLOW_BENCHMARKS_CACHE", str(tmp_path / "cache"))
    registry.fetch(listed[:1])
    assert releases.is_cached(listed[0])


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("METAFLOW_BENCHMARKS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sdists"


def test_half_written_download_is_fetched_again(empty_cache):
    release = releases.load()[0]
    empty_cache.mkdir(parents=True)
    release.sdist.write_bytes(b"half of it")
    registry.fetch([release])
    assert releases.is_cached(release)
    assert [path.name for path in empty_cache.iterdir()] == [release.sdist.name]


def test_wrong_checksum_is_refused_and_leaves_nothing(empty_cache):
    release = dataclasses.replace(releases.load()[0], sha256="0" * 64)
    with pytest.raises(Failure, match="sha256"):
        registry.fetch([release])
    assert list(empty_cache.iterdir()) == []


def test_no_network_is_told_in_one_line(empty_cache, monkeypatch):
    # A proxy that is not there stands for a network that is not there.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(Failure, match="check the network"):
        registry.fetch(releases.load()[:1])


def test_unknown_version_is_named():
    with pytest.raises(Failure, match=r"unknown release 9\.9\.9"):
        releases.select(["9.9.9"], releases.load())
