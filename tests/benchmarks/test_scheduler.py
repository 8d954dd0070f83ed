"""Counts of wide runs: they repeat, and they are those of runs whose tasks are all there."""

import json
import os
import shutil
import subprocess

import pytest

from benchmarks.scheduler import LINES, Child, Lint, Log, Parent, RunWithPylint
from benchmarks.support import beside
from mfbench.foundation.paths import ROOT
from tests.optimizations.optimized_releases import NEWEST, VERSIONS

# Where it is on the path, each run notes when it ends whether it has loaded pylint.
NOTE = """
import atexit, pathlib, sys
def note():
    if "run" in sys.argv:
        with open({log!r}, "a") as log:
            print("pylint.lint" in sys.modules, file=log)
atexit.register(note)
"""
needs_valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")


@pytest.fixture
def counted(release_python, tmp_path):
    """A function that counts in a new folder, as `setup_cache` does; returns folder and counts."""

    def count(version, counts):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        code = f"import json\nfrom benchmarks import scheduler\nprint(json.dumps({counts}))"
        finished = subprocess.run(
            [release_python(version), "-c", code],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": ""},
            capture_output=True,
            text=True,
        )
        assert finished.returncode == 0, finished.stderr
        return folder, json.loads(finished.stdout)

    return count


@needs_valgrind
def test_counts_of_a_wide_run_and_of_printed_lines_are_the_same_twice(counted):
    (_, first), (_, second) = (
        counted(NEWEST, f"scheduler.count((4,), ('print', 0, {LINES}))") for _ in range(2)
    )
    assert second == pytest.approx(first, rel=0.001)
    for track, each in ((Parent().track_per_task, 4), (Log().track_read, LINES)):
        found = [track(counts, each) for counts in (first, second)]
        assert found[1] == pytest.approx(found[0], rel=0.02)
        assert found[0] > 0


@needs_valgrind
def test_a_counted_run_is_a_whole_run_in_the_oldest_release_too(counted):
    set_small = "setattr(scheduler, 'WIDTHS', (4,)), setattr(scheduler, 'LINES', 5)"
    folder, counts = counted(VERSIONS[0], f"({set_small}, scheduler.Counted().setup_cache())[-1]")
    names = {f"{what} {width}" for what in ("run", "task", "join") for width in (1, 4)}
    lint = {"pylint"} if beside.has("pylint") else set()
    assert counts.keys() == names | {"print 0", "print 5"} | lint
    assert Child().track_task(counts, 4) > 0 and Child().track_join(counts, 4) > 0
    assert not lint or Lint().track_second(counts) > 0
    run = folder / ".metaflow" / "Foreach" / (folder / "run-4").read_text()
    # Its join has checked what they saved. The runtime writes their logs, and what became of them.
    tasks = [task for task in (run / "work").glob("[0-9]*") if task.name != "100000"]
    assert len(tasks) == 4
    for task in tasks:
        assert json.loads((task / "0.runtime").read_text())["success"] is True
        assert (task / "0.runtime_stdout.log").exists()


@pytest.mark.slow
@pytest.mark.skipif(not beside.has("pylint"), reason="make setup installs pylint")
@pytest.mark.parametrize(("side", "loaded"), [("before", True), ("after", False)])
def test_the_second_run_alone_is_timed_where_pylint_is_kept(
    series, tmp_path, monkeypatch, side, loaded
):
    (tmp_path / "noting").mkdir()
    (tmp_path / "noting" / "sitecustomize.py").write_text(NOTE.format(log=str(tmp_path / "log")))
    path = (tmp_path / "noting", series.root(NEWEST, side), beside.FOLDER)
    monkeypatch.setattr(beside, "path_with", lambda _: os.pathsep.join(map(str, path)))
    monkeypatch.chdir(tmp_path)
    benchmark = RunWithPylint()
    benchmark.setup()
    benchmark.time_second()
    assert (tmp_path / "log").read_text().split() == ["True", str(loaded)]
