"""What the series makes of a release is kept; damage and older sources do not mislead."""

import os
import shutil

import pytest

from mfbench.foundation.paths import ROOT
from mfbench.repository import kept_changes
from mfbench.repository.kept_changes import Change, changes_of, load, save

CHANGES = [
    Change(1, "idea", "Ünïcode", "", {"a.py": "x = 'ü'\r\n"}, {"idea": {"a.py": "x = 'ü'\r\n"}}),
    Change(2, "other", "Refused", "Anything.", refusal="a.py: f: not found"),
]


def test_a_damaged_file_and_a_full_disk_only_cost_time(tmp_path):
    place = tmp_path / "version" / "tree.json.gz"
    save(place, CHANGES)
    assert load(place) == CHANGES
    whole = place.read_bytes()
    for damaged in (b"", whole[:-9], b"nonsense", whole[:40] + b"\0\0\0" + whole[43:]):
        place.write_bytes(damaged)
        assert load(place) is None
    save(place / "below a file", CHANGES)


def test_of_each_release_only_the_newest_versions_are_kept(tmp_path):
    for number in range(kept_changes.VERSIONS_KEPT + 2):
        save(tmp_path / f"{number}.json.gz", CHANGES)
        os.utime(tmp_path / f"{number}.json.gz", (number, number))
    kept = [2 + number for number in range(kept_changes.VERSIONS_KEPT)]
    assert sorted(int(path.name.partition(".")[0]) for path in tmp_path.iterdir()) == kept


def test_only_a_whole_series_is_kept_and_then_it_is_not_applied_again(
    upstream, tmp_path, monkeypatch
):
    def interrupted(release):
        raise KeyboardInterrupt

    monkeypatch.setenv("METAFLOW_BENCHMARKS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept_changes, "apply", interrupted)
    with pytest.raises(KeyboardInterrupt):
        changes_of(upstream, "main")
    monkeypatch.setattr(kept_changes, "apply", lambda release: CHANGES)
    assert changes_of(upstream, "main") == CHANGES
    monkeypatch.setattr(kept_changes, "apply", interrupted)
    assert changes_of(upstream, "main") == CHANGES
    monkeypatch.setattr(kept_changes, "sources_fingerprint", lambda: "other sources")
    for revision in ("main", "2.12.0"):
        with pytest.raises(KeyboardInterrupt):
            changes_of(upstream, revision)


def test_every_source_of_the_series_counts(tmp_path, monkeypatch):
    for name in ("optimizations", "mfbench/repository"):
        shutil.copytree(ROOT / name, tmp_path / name)
    inserted = tmp_path / "optimizations" / "inserted" / "idea.py"
    monkeypatch.setattr(kept_changes, "ROOT", tmp_path)
    found = set()
    for path, text in (("constraints.txt", "libcst==1"), (inserted, "x = 1"), (inserted, "x = 2")):
        (tmp_path / path).write_text(text)
        found.add(kept_changes.sources_fingerprint())
    inserted.rename(inserted.with_name("renamed.py"))
    found.add(kept_changes.sources_fingerprint())
    assert len(found) == 4
