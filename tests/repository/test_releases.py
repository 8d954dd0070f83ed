"""The release list and the download cache."""

import json
from dataclasses import asdict, replace

import pytest

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git
from mfbench.repository import registry, releases


def write(path, listed):
    path.write_text(json.dumps({"releases": [asdict(release) for release in listed]}))
    return path


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("METAFLOW_BENCHMARKS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "sdists"


def test_the_committed_list_is_ordered_and_complete():
    listed = releases.load()
    assert listed[0].version == "2.10.4"
    assert len({release.version for release in listed}) == len(listed) >= 170
    assert [release.timestamp for release in listed] == sorted(r.timestamp for r in listed)


def test_of_a_clone_the_final_releases_count_and_no_other_tag(upstream, some_releases):
    days = {release.version: release.uploaded[:10] for release in some_releases}
    assert releases.releases_on_main(upstream) == days
    main = git(upstream, "rev-parse", "main")
    for tag in ("nflx-2.1.8", "rec_0_0_1", "2.20.0rc1", "2.20.0.post1", "2.9.1", "2.100.0"):
        git(upstream, "tag", tag, main)
    person = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
    elsewhere = git(upstream, *person, "commit-tree", "-m", "x", "main^{tree}")
    git(upstream, "tag", "3.0.0", elsewhere)
    found = releases.releases_on_main(upstream)
    assert list(found) == [*days, "2.100.0"] and found.items() >= days.items()
    assert releases.minor_releases(upstream)[-1] == "2.100.0"


def test_update_adds_what_is_missing_changes_nothing_else_and_needs_no_second_run(tmp_path):
    listed = releases.load()
    path = write(tmp_path / "releases.json", listed[:-2])
    assert registry.update(path)[:2] == listed[-2:]
    assert releases.load(path)[: len(listed)] == listed
    before = path.read_bytes()
    assert registry.update(path) == []
    assert path.read_bytes() == before


def test_a_yanked_release_is_not_added(tmp_path, monkeypatch):
    known = registry.published_sdists()
    # No release of metaflow's was ever yanked.
    for package in known.values():
        package.is_yanked = True
    monkeypatch.setattr(registry, "published_sdists", lambda: known)
    assert registry.update(write(tmp_path / "releases.json", releases.load()[:1])) == []


def test_a_half_written_download_is_fetched_again(empty_cache):
    release = releases.load()[0]
    empty_cache.mkdir(parents=True)
    release.sdist.write_bytes(b"half of it")
    registry.fetch([release])
    assert releases.is_cached(release)
    assert [path.name for path in empty_cache.iterdir()] == [release.sdist.name]


def test_a_wrong_checksum_is_refused_and_leaves_nothing(empty_cache):
    release = replace(releases.load()[0], sha256="0" * 64)
    with pytest.raises(Failure, match="sha256"):
        registry.fetch([release])
    assert list(empty_cache.iterdir()) == []


def test_a_missing_network_is_reported_in_one_line(empty_cache, monkeypatch):
    # A proxy that does not exist takes the place of a missing network.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(Failure, match="check the network"):
        registry.fetch(releases.load()[:1])
