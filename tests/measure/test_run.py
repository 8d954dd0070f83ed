"""`mfbench run`, on a clone of this project that has no upstream/ yet."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from mfbench.foundation.git_command import git
from mfbench.repository.control import control_of
from tests.command_line import mfbench
from tests.committed import MACHINE
from tests.interrupts import interrupted
from tests.project_clones import variables

ONE_CASE = r"^multicore\.ParallelMap\.time_map\(1, 'default'\)$"
COMMAND = [sys.executable, "-m", "mfbench", "run"]


def run(clone, *arguments, code=0):
    wide = variables(clone) | {"COLUMNS": "160"}
    finished = subprocess.run(
        [*COMMAND, *arguments], cwd=clone, env=wide, capture_output=True, text=True
    )
    assert finished.returncode == code and "Traceback" not in finished.stderr, finished.stderr
    return finished.stdout if code == 0 else finished.stderr


def results_of(clone, machine):
    return sorted(clone.glob(f"results/{machine}/*-*.json"))


def test_a_dry_run_says_what_is_measured_how_long_and_what_is_left_out():
    said = mfbench("run", "--dry-run", "--machine", MACHINE).stdout
    first, timed, once, total, left_out = said.splitlines()
    assert first.startswith("main (") and "its control and optimized (" in first
    assert "cases at 3 commits, in 15 rounds, about" in timed and "at 3 commits, once, " in once
    assert total.startswith("in all: about ") and total.endswith(" min")
    assert left_out.startswith("left out: ")
    wrong = mfbench("run", "--dry-run", "main", "9.9.9")
    assert "unknown revision 9.9.9" in wrong.stderr and wrong.returncode == 3
    for options in (["main", "HEAD", "--dirty"], ["--dirty", "--series"], ["--tree=.", "--dirty"]):
        wrong = mfbench("run", *options)
        assert "--dirty and --tree exclude each other" in wrong.stderr and wrong.returncode == 3


def test_a_large_run_has_cases_that_no_other_run_has_and_says_nothing_of_those_left_out():
    said = mfbench("run", "--large", "--dry-run", "--machine", MACHINE).stdout
    _, timed, once, total = said.splitlines()
    assert "cases at 3 commits, in rounds, " in timed and "cases at 3 commits, once, " in once
    assert total.startswith("in all: ")
    wrong = mfbench("run", "--large", "--bench", "ParallelMap", "--dry-run")
    assert "matches no case" in wrong.stderr and wrong.returncode == 3
    wrong = mfbench("run", "--large", "--releases")
    assert "--large can't be combined with --releases" in wrong.stderr and wrong.returncode == 3


@pytest.mark.slow
def test_what_was_measured_is_shown_with_a_verdict_and_published(clone):
    run(clone, "--rounds", "5", "--machine", "quiet", "--bench", ONE_CASE)
    said = run(clone, "--rounds", "5", "--machine", "quiet", "--bench", "time_show", "--publish")
    # Of the last run, and of nothing else; identical code was measured, too.
    assert "cli.FlowScript.time_show" in said and "measured 1 of 1 cases" in said
    assert "noise of the control" in said and "left out" not in said
    assert said.splitlines()[-1].startswith(f"site: {clone / 'html' / 'index.html'} (make preview")
    main, tip = git(clone / "upstream", "rev-parse", "main", "optimized").split()
    commits = (main, control_of(clone / "upstream", main), tip)
    files = results_of(clone, "quiet")
    assert {path.name[:8] for path in files} == {commit[:8] for commit in commits}
    for path in files:
        read = json.loads(path.read_text())
        column = read["result_columns"].index("samples")
        (samples,) = read["results"]["cli.FlowScript.time_show"][column]
        assert len(samples) == 5


@pytest.mark.slow
def test_uncommitted_work_is_measured_apart_from_all_else(clone, tmp_path):
    mfbench = [sys.executable, "-m", "mfbench", "setup"]
    subprocess.run(mfbench, cwd=clone, env=variables(clone), check=True)
    changed = clone / "upstream" / "metaflow" / "util.py"
    changed.write_text(f"import wave\n{changed.read_text()}")
    shutil.copytree(changed.parent, tmp_path / "metaflow")
    few = ["--profile", "default", "--bench", r"Footprint\.track_modules"]
    said = run(clone, "--dirty", *few)
    git(clone / "upstream", "checkout", "--quiet", "metaflow/util.py")
    again = re.search(r"mfbench compare --machine uncommitted (\w{8}) (\w{8})\n$", said)
    assert again and f"HEAD ({again[1]}) → uncommitted changes ({again[2]})" in said
    assert git(clone / "upstream", "rev-parse", "HEAD").startswith(again[1])
    modules = re.search(r"track_modules +│ (\d+) modules │ (\d+) modules", said)
    assert modules and int(modules[1]) < int(modules[2])
    said = run(clone, "main", "--tree", tmp_path, *few)
    assert f"only metaflow is taken from {tmp_path}; its dependencies are the suite's" in said
    assert f" → {tmp_path} (" in said
    assert len(results_of(clone, "uncommitted")) == 6
    assert "upstream/metaflow/ has no uncommitted changes" in run(clone, "--dirty", code=3)


@pytest.mark.slow
def test_a_smoke_run_fails_where_a_benchmark_does_and_another_run_shows_it(clone):
    broken = clone / "benchmarks" / "broken.py"
    broken.write_text("def time_broken():\n    raise RuntimeError('out of order')\n")
    try:
        smoke = ["--smoke", "--machine", "ci", "--bench", "broken"]
        assert "error: some benchmarks failed (see above)" in run(clone, *smoke, code=3)
        said = run(clone, "--rounds", "1", "--machine", "ci", "--bench", "broken")
        assert "failed in main and optimized" in said
    finally:
        broken.unlink()


@pytest.mark.slow
def test_ctrl_c_ends_in_a_line_and_the_command_works_afterwards(clone):
    code, said = interrupted(clone, "mfbench", "run", "--machine", "ci", "--bench", "artifacts")
    assert code == 130
    assert said.count("interrupted; the same command can be run again") == 1
    run(clone, "--smoke", "--machine", "ci", "--bench", ONE_CASE)


@pytest.mark.slow
def test_after_a_kill_series_and_releases_go_on_until_nothing_is_left(clone):
    only = ["--series", "--releases", "--machine", "killed", "--bench", ONE_CASE]
    with subprocess.Popen(
        [*COMMAND, *only], cwd=clone, env=variables(clone), start_new_session=True
    ) as killed:
        until = time.monotonic() + 600
        # Main, the control and the tip have results then, of a round or two.
        while len(results_of(clone, "killed")) < 3 and time.monotonic() < until:
            time.sleep(0.05)
        os.killpg(killed.pid, signal.SIGKILL)
    series, *releases, _ = run(clone, *only, "--dry-run").splitlines()
    (minor, _) = run(clone, *only[1:], "--minors", "--dry-run").splitlines()
    assert minor.startswith("release ")
    assert "1 case at 3 commits" in series and "1 case at 1 commit" in releases[-1]
    assert run(clone, *only).splitlines()[-1] == "4 commits measured"
    files = results_of(clone, "killed")
    kept = {path: path.read_bytes() for path in files}
    assert run(clone, *only) == "nothing is missing on machine killed\n"
    assert len(files) == 4 and {path: path.read_bytes() for path in files} == kept
