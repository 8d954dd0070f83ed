"""The flow that measures in many clones: what becomes of its results, and of what fails."""

import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mfbench.foundation.paths import RELEASES, RESULTS, ROOT
from tests.project_clones import variables

FLOW = ROOT / "scripts" / "backfill.py"
# The newest two, which the copy of the project has.
COMMITS = [release["version"] for release in json.loads(RELEASES.read_text())["releases"][-2:]]


def started(folder, environment, *arguments):
    """Start the flow as from a terminal, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, FLOW, *arguments],
        cwd=folder,
        env=environment | {"METAFLOW_USER": "somebody"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # A job in the background ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finished(folder, environment, *arguments):
    with started(folder, environment, *arguments) as running:
        said = running.stdout.read()
    return running.returncode, said


def test_by_default_it_measures_all_releases_though_they_are_more_than_a_hundred(tmp_path):
    releases = json.loads(RELEASES.read_text())["releases"]
    assert len(releases) > 100
    options = ["--max-workers", "1", "--project", str(tmp_path / "nowhere")]
    said = []
    with started(tmp_path, os.environ | {"HOME": str(tmp_path)}, "run", *options) as running:
        for line in running.stdout:
            said.append(line)
            if "/measure/2 " in line:
                os.killpg(running.pid, signal.SIGKILL)
    assert f"Foreach yields {len(releases)} child steps" in "".join(said)


@pytest.fixture
def project(clone):
    """A copy of the project as a repository to clone, which takes the environment from here."""
    (clone / "Makefile").write_text(f"setup:\n\tln -sfn {Path(sys.prefix)} .venv\n")
    (clone / ".gitignore").write_text("/.venv\n/.asv/\n/upstream\n/.upstream-*/\n/home/\n")
    (clone / ".venv").symlink_to(sys.prefix)
    (clone / "results").mkdir()
    shutil.copy(RESULTS / "benchmarks.json", clone / "results")
    identity = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "-qm", "project"]):
        subprocess.run(["git", *command], cwd=clone, check=True)
    return clone


@pytest.fixture
def environment(clone):
    # Short: asv makes a socket in it, whose path has at most 107 characters.
    with tempfile.TemporaryDirectory(prefix="b-") as scratch:
        yield variables(clone) | {"TMPDIR": scratch}


@pytest.mark.slow
def test_a_stopped_run_is_resumed_without_measuring_twice(project, environment, tmp_path):
    options = ["--max-workers", "1", "--project", str(project), "--into", str(project)]
    options += ["--machine", "here", "--bench", r"^imports\.Footprint\."]
    options += ["--commits", ",".join([*COMMITS, COMMITS[0]])]
    said = []
    with started(tmp_path, environment, "run", *options) as running:
        for line in running.stdout:
            said.append(line)
            if "/measure/3 " in line and "Task is starting" in line:
                os.killpg(running.pid, signal.SIGINT)
    assert running.returncode != 0, "".join(said)
    assert not (project / "results" / "here").exists()
    code, said = finished(tmp_path, environment, "resume")
    assert code == 0, said
    # The first commit is not measured again.
    assert said.count("Task is starting") == 3 and "Traceback" not in said
    assert all(f"{commit}: measured\n" in said for commit in COMMITS)
    assert "2 files of results, 0 faults" in said
    run_id = re.search(r"run-id (\d+)", said)[1]
    # Nor are both, though nobody has committed them.
    code, said = finished(tmp_path, environment, "run", *options)
    assert code == 0 and said.count("was measured before") == 2
    assert list(Path(environment["TMPDIR"]).glob("backfill-*")) == []
    for path in (project / "results" / "here").glob("*-*.json"):
        modules = json.loads(path.read_text())["results"]["imports.Footprint.track_modules"]
        assert modules[0][0] > 100
    # Where a run sees no checkout, as on a cluster, its files are taken later.
    shutil.rmtree(project / "results" / "here")
    command = [sys.executable, "-m", "mfbench", "results", "take", run_id]
    environment["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = str(tmp_path)
    taken = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    assert taken.stdout == "3 files taken, 0 refused\n", taken.stderr


@pytest.mark.slow
def test_commits_without_results_are_named_at_the_end(tmp_path):
    # The clone of the first one fails; the worker of the second one is killed by its git.
    git = tmp_path / "bin" / "git"
    git.parent.mkdir()
    once = tmp_path / "once"
    git.write_text(
        f'#!/bin/sh\nif [ "$1" = clone ]; then [ -e {once} ] && kill -9 $PPID; : >{once}; fi\n'
        f'exec {shutil.which("git")} "$@"\n'
    )
    git.chmod(0o755)
    path = f"{git.parent}{os.pathsep}{os.environ['PATH']}"
    options = ["--max-workers", "1", "--into", str(tmp_path), "--commits", "2.10.4,2.12.0"]
    options += ["--project", str(tmp_path / "nowhere")]
    environment = os.environ | {"HOME": str(tmp_path), "PATH": path}
    code, said = finished(tmp_path, environment, "run", *options)
    assert code != 0 and "Traceback" not in said
    assert "2 of 2 commits have no results; run again with: --commits 2.10.4,2.12.0" in said
    (reason,) = [line for line in said.splitlines() if "] 2.10.4: " in line]
    assert "git clone" in reason and "does not exist" in reason
    assert "take the results with: mfbench results take " in said


def test_a_task_that_is_stopped_stops_what_it_runs(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    code = (
        "from pathlib import Path; from scripts import backfill\n"
        f"backfill.run(Path('.'), 'sh', '-c', 'exec 3>{pipe}; echo here; sleep 600 & wait')\n"
    )
    command = [sys.executable, "-c", code]
    # The pipe can be opened once the shell has it, and ends when the shell and sleep have ended.
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as task, pipe.open() as held:
        assert b"here" in task.stdout.readline()
        task.terminate()
        assert select.select([held], [], [], 20)[0]
    assert task.returncode == 128 + signal.SIGTERM
