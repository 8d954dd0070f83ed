"""The import's history: the biggest steps, what explains them, what is not known."""

import json
import math
import shutil

import pytest

from mfbench.explain.kept_imports import path_of
from mfbench.foundation.errors import NothingMeasured
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RESULTS, ROOT, UPSTREAM
from mfbench.report import history
from mfbench.repository.releases import load
from mfbench.repository.series import find_commit
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.reader import Measurement, Side
from tests.repository.person import commit


def steps_of(counts):
    """The steps between releases with these counts."""
    sides = [
        Side(name, "", "", {}, {history.IMPORT: Measurement(count)})
        for name, count in counts.items()
    ]
    return history.biggest_steps(sides, read_benchmarks(RESULTS))


def test_the_biggest_steps_in_either_direction_are_told_newest_first(monkeypatch):
    counts = {"1": 100, "2": 100.2, "3": 150, "4": 75, "5": 76}
    ratios = [round(history.import_row(step).ratio, 3) for step in steps_of(counts)]
    assert ratios == [0.987, 2, 0.668]
    monkeypatch.setattr(history, "MOST_STEPS", 1)
    assert [step.head.name for step in steps_of(counts)] == ["4"]


def test_releases_that_failed_or_were_not_measured_are_named(tmp_path):
    folder = tmp_path / "one"
    folder.mkdir()
    shutil.copy(RESULTS / "benchmarks.json", tmp_path)
    oldest = [release.version for release in load()[:4]]
    for version, count in zip(oldest, (1e8, 1.2e8, None, math.nan)):
        (path,) = (RESULTS / "reference").glob(f"{find_commit(UPSTREAM, version)[:8]}-*.json")
        read = json.loads(path.read_text())
        values = read["results"]["instructions.Command.track_run"]
        values[0] = [count] * len(values[0])
        (folder / path.name).write_text(json.dumps(read))
    made = history.history_page(tmp_path, UPSTREAM, "one")
    assert f"No count is known of {oldest[2]}, {oldest[3]}, " in made
    assert made.count("1.2× more instructions") == 2
    assert history.NOT_TIMED in made and "nan" not in made.lower()
    next(folder.glob(f"{find_commit(UPSTREAM, oldest[0])[:8]}-*.json")).unlink()
    with pytest.raises(NothingMeasured, match="one counted the import of fewer than two"):
        history.history_page(tmp_path, UPSTREAM, "one")


def test_the_history_of_a_clone_ends_with_its_own_newest_release(upstream, tmp_path):
    git(upstream, "tag", "--delete", load()[-1].version)
    git(upstream, "tag", "2.100.0", commit(upstream, "idea.py"))
    results = tmp_path / "results"
    # More, but of commits that the clone lacks.
    shutil.copytree(RESULTS / "reference", results / "elsewhere")
    shutil.copy(RESULTS / "benchmarks.json", results)
    (results / "one").mkdir()
    for version in ("2.15.0", "2.100.0"):
        found = next((RESULTS / "reference").glob(f"{find_commit(UPSTREAM, '2.15.0')[:8]}-*.json"))
        short = find_commit(upstream, version)[:8]
        shutil.copy(found, results / "one" / f"{short}{found.name[8:]}")
    made = history.history_page(results, upstream)
    assert "From 2.15.0 to 2.100.0 it went" in made
    assert "counted 2 of 4 releases on the machine\n`one`" in made
    shutil.rmtree(results / "one")
    with pytest.raises(NothingMeasured, match="counted the import of fewer than two"):
        history.history_page(results, upstream)


def test_a_step_is_explained_by_the_modules_that_came_and_is_timed_once(tmp_path, monkeypatch):
    timed = []

    def keep(path, upstream, versions):
        timed.append(versions)
        shutil.copy(path_of(*versions), path)

    monkeypatch.setattr(history, "keep", keep)
    # 2.16.8 came with a YAML of its own.
    (step,) = steps_of({"2.16.7": 1, "2.16.8": 2})
    assert history.reasons(step, UPSTREAM, False, tmp_path) == [history.NOT_TIMED]
    told = " ".join(history.reasons(step, UPSTREAM, True, tmp_path))
    assert "now imports `" in told and "yaml" in told and "of the import's time" in told
    # What is told is what was kept.
    path = path_of("2.16.7", "2.16.8", tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"came": []}))
    assert history.reasons(step, UPSTREAM, True, tmp_path) == [history.NO_REASON]
    assert timed == [("2.16.7", "2.16.8")]


def test_the_document_is_what_the_results_give():
    made = history.history_page(RESULTS, UPSTREAM)
    assert made == (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
    assert history.NOT_TIMED not in made
