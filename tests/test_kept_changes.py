"""What the series makes of a release is kept, and neither damage nor old sources mislead."""

import os

import pytest

from scripts import kept_changes, series
from scripts.git_command import git
from scripts.kept_changes import Change, load, place_of, save

CHANGES = [
    Change(1, "control", "Nothing", "The same again.", {}),
    Change(2, "idea", "Ünïcode", "", {"a.py": "x = 'ü'\r\n"}),
    Change(3, "other", "Refused", "", {}, "a.py: f: not found"),
]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("METAFLOW_BENCHMARKS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_kept_comes_back_as_it_was():
    save("f" * 64, "tree", CHANGES)
    assert load("f" * 64, "tree") == CHANGES


def test_other_sources_and_other_files_know_nothing():
    save("f" * 64, "tree", CHANGES)
    assert load("e" * 64, "tree") is None
    assert load("f" * 64, "another") is None


def test_damage_is_no_knowledge():
    save("f" * 64, "tree", CHANGES)
    place = place_of("f" * 64, "tree")
    whole = place.read_bytes()
    for damaged in (b"", whole[:-9], b"nonsense", whole[:40] + b"\0\0\0" + whole[43:]):
        place.write_bytes(damaged)
        assert load("f" * 64, "tree") is None
    save("f" * 64, "tree", CHANGES)
    assert place.read_bytes() == whole


def test_a_cache_that_cant_be_written_is_no_error(cache):
    cache.write_text("a file in its place")
    save("f" * 64, "tree", CHANGES)
    assert load("f" * 64, "tree") is None


def test_old_states_of_the_optimisations_go(cache):
    for number in range(kept_changes.STATES_KEPT + 2):
        save(f"{number:064}"[::-1], "tree", CHANGES)
        os.utime(place_of(f"{number:064}"[::-1], "tree").parent, (number, number))
    kept = {path.name[0] for path in (cache / "series").iterdir()}
    assert kept == {str(2 + number) for number in range(kept_changes.STATES_KEPT)}


def test_a_kept_release_is_not_applied_again(upstream, monkeypatch):
    applied = []

    def apply(repository, base, read):
        applied.append(base)
        yield from CHANGES

    monkeypatch.setattr(series, "applied", apply)
    tip = git(upstream, "rev-parse", "main")
    for _ in range(2):
        assert list(series.changes_of(upstream, tip, None)) == CHANGES
    assert applied == [tip]


def test_half_of_a_series_is_not_kept(upstream, monkeypatch):
    def interrupted(repository, base, read):
        yield CHANGES[0]
        raise KeyboardInterrupt

    monkeypatch.setattr(series, "applied", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(series.changes_of(upstream, "main", None))
    monkeypatch.setattr(series, "applied", lambda *arguments: iter(CHANGES))
    assert list(series.changes_of(upstream, "main", None)) == CHANGES
