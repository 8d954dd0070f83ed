"""What the series makes of a release is kept; damage and older sources do not mislead."""

import os
import shutil

import pytest

import optimizations
from mfbench.foundation.paths import ROOT
from mfbench.repository import kept_changes
from mfbench.repository.kept_changes import Change, changes_of, load, save
from optimizations.edits import Optimization

CHANGES = [
    Change(1, "control", "Nothing", "The same again.", {}),
    Change(2, "idea", "Ünïcode", "", {"a.py": "x = 'ü'\r\n"}),
    Change(3, "other", "Refused", "", {}, "a.py: f: not found"),
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
    assert sorted(int(path.name[0]) for path in tmp_path.iterdir()) == kept


def test_only_a_whole_series_is_kept_and_then_it_is_not_applied_again(
    upstream, tmp_path, monkeypatch
):
    def interrupted(repository, base, earlier):
        yield CHANGES[0]
        raise KeyboardInterrupt

    monkeypatch.setenv("METAFLOW_BENCHMARKS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept_changes, "apply", interrupted)
    with pytest.raises(KeyboardInterrupt):
        changes_of(upstream, "main")
    monkeypatch.setattr(kept_changes, "apply", lambda *arguments: iter(CHANGES))
    assert changes_of(upstream, "main") == CHANGES
    monkeypatch.setattr(kept_changes, "apply", interrupted)
    assert changes_of(upstream, "main") == CHANGES
    monkeypatch.setattr(kept_changes, "sources_fingerprint", lambda: "other sources")
    for revision in ("main", "2.12.0"):
        with pytest.raises(KeyboardInterrupt):
            changes_of(upstream, revision)


def test_after_an_edit_only_what_depends_on_it_is_applied_again(
    upstream, tmp_path, monkeypatch, capsys
):
    for name in ("optimizations", "mfbench/repository"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "constraints.txt", tmp_path)
    monkeypatch.setattr(kept_changes, "ROOT", tmp_path)
    monkeypatch.setenv("METAFLOW_BENCHMARKS_CACHE", str(tmp_path / "cache"))
    util, others = "metaflow/util.py", ("metaflow/multicore_utils.py", "metaflow/parameters.py")
    applied = []

    def add(tree, path, text):
        applied.append(path)
        tree[path].add_import(f"import {text}")

    def changes(added, remark=""):
        source = f"# {added} {remark}"
        for name, text in {"first": source, "reader": "", "apart": ""}.items():
            (tmp_path / "optimizations" / f"{name}.py").write_text(text)
        found = ("first_there", "first_absent")
        series = {
            "first": lambda tree: add(tree, util, added),
            "reader": lambda tree: add(
                tree, others[0], found["import first\n" not in tree.text(util)]
            ),
            "apart": lambda tree: add(tree, others[1], "apart"),
        }
        made = tuple(Optimization(name, name, apply) for name, apply in series.items())
        monkeypatch.setattr(optimizations, "SERIES", made)
        applied.clear()
        return [change.files for change in changes_of(upstream, "main")]

    before = changes("first")
    assert applied == [util, *others] and "import first_there\n" in before[1][others[0]]
    assert "applying the optimisation series to " in capsys.readouterr().err
    after = changes("second")
    assert applied == [util, others[0]] and "import first_absent\n" in after[1][others[0]]
    assert changes("second", "whose author remarks something") == after and applied == [util]
    capsys.readouterr()
    assert changes("first") == before and not applied and not capsys.readouterr().err


def test_every_source_of_the_series_counts(tmp_path, monkeypatch):
    for name in ("optimizations", "mfbench/repository"):
        shutil.copytree(ROOT / name, tmp_path / name)
    inserted = tmp_path / "optimizations" / "inserted" / "metaflow" / "idea.py"
    monkeypatch.setattr(kept_changes, "ROOT", tmp_path)
    found = set()
    for path, text in (("constraints.txt", "libcst==1"), (inserted, "x = 1"), (inserted, "x = 2")):
        (tmp_path / path).write_text(text)
        found.add(kept_changes.sources_fingerprint())
    inserted.rename(inserted.with_name("renamed.py"))
    found.add(kept_changes.sources_fingerprint())
    assert len(found) == 4
