"""The flow that measures in many clones: its form, its refusals, what becomes of its results."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from scripts import results, take_backfill
from scripts.errors import Failure
from scripts.paths import RELEASES, RESULTS, ROOT, UPSTREAM
from tests.project_clones import variables

MACHINE = "reference"
FLOW = ROOT / "scripts" / "backfill.py"


def backfill(folder, *arguments, **more):
    environment = {name: text for name, text in os.environ.items() if "METAFLOW_" not in name}
    environment |= more
    return subprocess.run(
        [sys.executable, FLOW, *arguments],
        cwd=folder,
        env=environment | {"METAFLOW_USER": "somebody", "HOME": str(folder)},
        capture_output=True,
        text=True,
    )


def test_it_is_a_flow_that_metaflow_takes(tmp_path):
    said = backfill(tmp_path, "check")
    assert said.returncode == 0, said.stdout + said.stderr
    shown = backfill(tmp_path, "show").stdout
    assert "Step measure" in shown and "Step join" in shown


def test_a_name_that_is_no_folder_is_refused(tmp_path):
    said = backfill(tmp_path, "run", "--machine", "../elsewhere", "--commits", "2.19.39")
    assert said.returncode != 0
    told = said.stdout + said.stderr
    assert "is no name of a machine" in told and "Traceback" not in told


@pytest.mark.parametrize(
    "option, value, said",
    [("--rounds", "-1", "--rounds -1 is no number"), ("--bench", "(", "no regular expression")],
)
def test_what_asv_would_not_measure_by_is_refused_before_anything_is_cloned(
    tmp_path, option, value, said
):
    finished = backfill(tmp_path, "run", "--commits", "2.19.39", option, value)
    told = finished.stdout + finished.stderr
    assert finished.returncode != 0 and said in told
    assert "Traceback" not in told and "/measure/" not in told


def test_a_commit_that_nobody_has_is_told_in_the_end(tmp_path):
    # A clone that can't be made fails as quickly as a commit that can't be measured.
    # One that is named twice is one commit.
    commits = "2.19.38, 2.19.39,2.19.38"
    arguments = ["--commits", commits, "--project", str(tmp_path / "nowhere")]
    said = backfill(tmp_path, "run", "--max-workers", "1", *arguments)
    told = said.stdout + said.stderr
    assert said.returncode != 0
    assert "of 2 commits, these gave nothing: --commits 2.19.38,2.19.39" in told
    (reason,) = [line for line in told.splitlines() if "] 2.19.39: " in line]
    assert "git clone" in reason and "does not exist" in reason
    assert "Traceback" not in told


def test_without_commits_it_is_all_releases_though_they_are_more_than_a_hundred(tmp_path):
    releases = json.loads(RELEASES.read_text())["releases"]
    assert len(releases) > 100
    with subprocess.Popen(
        [sys.executable, FLOW, "run", "--max-workers", "1", "--project", str(tmp_path / "nowhere")],
        cwd=tmp_path,
        env=os.environ | {"METAFLOW_USER": "somebody", "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        said = []
        for line in running.stdout:
            said.append(line)
            if "/measure/2 " in line:
                os.killpg(running.pid, signal.SIGKILL)
    assert f"Foreach yields {len(releases)} child steps" in "".join(said)
    assert "/measure/2 " in said[-1], "".join(said)


def test_a_worker_that_is_killed_loses_its_own_commit_only(tmp_path):
    killing = tmp_path / "bin" / "git"
    killing.parent.mkdir()
    # Not the folder's name, which may be "clone", too.
    kill = 'case "$1" in clone) kill -9 $PPID ;; esac'
    killing.write_text(f'#!/bin/sh\n{kill}\nexec {shutil.which("git")} "$@"\n')
    killing.chmod(0o755)
    path = f"{killing.parent}{os.pathsep}{os.environ['PATH']}"
    said = backfill(tmp_path, "run", "--max-workers", "1", "--commits", "2.19.39", PATH=path)
    told = said.stdout + said.stderr
    # The join has told of it, and checked what is there.
    assert "of 1 commits, these gave nothing: --commits 2.19.39" in told
    assert "files of results, " in told


def without_valgrind(folder):
    """Make a folder of all programs that there are but one; return it as PATH."""
    folder.mkdir()
    there = {each.name: each for path in os.get_exec_path()[::-1] for each in Path(path).glob("*")}
    for name in there.keys() - {"valgrind"}:
        (folder / name).symlink_to(there[name])
    return str(folder)


@pytest.mark.parametrize("bench", [[], ["--bench", "."], ["--bench", "instructions"]])
def test_counts_without_valgrind_are_refused_before_anything_is_cloned(tmp_path, bench):
    options = ["--commits", "2.19.39", *bench, "--project", str(tmp_path / "nowhere")]
    path = without_valgrind(tmp_path / "bin")
    said = backfill(tmp_path, "run", "--max-workers", "1", *options, PATH=path)
    assert said.returncode != 0
    assert "2.19.39: counts need valgrind" in said.stdout + said.stderr


@pytest.mark.parametrize("bench", [r"^instructions\.", r"Artifact\.track_save"])
def test_counts_without_valgrind_are_refused_and_not_called_measured(
    clone, project, scratch, tmp_path, bench
):
    path = without_valgrind(tmp_path / "bin")
    commits = ["--commits", "2.19.39", "--machine", "uncounted", "--bench", bench]
    options = [*commits, "--project", str(project), "--into", str(project), "--max-workers", "1"]
    environment = variables(clone) | {"TMPDIR": str(scratch), "PATH": path}
    said = backfill(tmp_path, "run", *options, **environment)
    told = said.stdout + said.stderr
    assert said.returncode != 0
    assert "counts need valgrind" in told, told
    assert "of 1 commits, these gave nothing: --commits 2.19.39" in told
    assert not (project / "results" / "uncounted").exists()


@pytest.fixture(scope="module")
def project(clone):
    """Make a copy of the project a repository to clone, whose setup takes the environment here."""
    (clone / "Makefile").write_text(f"setup:\n\tln -sfn {Path(sys.prefix)} .venv\n")
    (clone / ".gitignore").write_text("/.venv\n/.asv/\n/upstream\n/.upstream-*/\n/home/\n")
    (clone / ".venv").symlink_to(sys.prefix)
    identity = ["-c", "user.name=tests", "-c", "user.email=tests@localhost"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "-qm", "project"]):
        subprocess.run(["git", *command], cwd=clone, check=True)
    return clone


@pytest.fixture
def scratch():
    """A folder of a short name: asv makes a socket in it, whose path has at most 107 characters."""
    with tempfile.TemporaryDirectory(prefix="b-") as name:
        yield Path(name)


def test_a_run_that_is_stopped_is_resumed_with_what_is_not_done(clone, project, scratch, tmp_path):
    commits = [entry["version"] for entry in json.loads(RELEASES.read_text())["releases"][-2:]]
    options = ["--project", str(project), "--into", str(project), "--machine", "here"]
    options += ["--commits", ",".join(commits), "--bench", r"^imports\.Footprint\."]
    environment = variables(clone) | {"TMPDIR": str(scratch), "METAFLOW_USER": "somebody"}
    with subprocess.Popen(
        [sys.executable, FLOW, "run", "--max-workers", "1", *options],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # As from a terminal: all get the signal, and asv's own processes are not among them.
        start_new_session=True,
        # Not as from a job in the background, which ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as running:
        said = []
        for line in running.stdout:
            said.append(line)
            if "/measure/3 " in line and "Task is starting" in line:
                os.killpg(running.pid, signal.SIGINT)
    assert running.returncode != 0, "".join(said)
    assert not (project / "results" / "here").exists()
    resumed = backfill(tmp_path, "resume", **environment)
    told = resumed.stdout + resumed.stderr
    assert resumed.returncode == 0, told
    # The first was not measured again.
    assert told.count("Task is starting") == 3 and "Traceback" not in told
    for commit in commits:
        assert f"{commit}: measured: " in told
    # Though nobody has committed them.
    again = backfill(tmp_path, "run", *options, **environment)
    assert again.returncode == 0 and again.stdout.count("was measured before") == 2
    assert "2 files of results, 0 faults" in told
    plain = json.loads(min((RESULTS / MACHINE).glob("*-*.json")).read_text())
    for path in (project / "results" / "here").glob("*-*.json"):
        merged = json.loads(path.read_text())
        assert merged.keys() == plain.keys()
        assert merged["result_columns"] == plain["result_columns"]
        assert merged["results"]["imports.Footprint.track_modules"][0][0] > 100
    assert list(scratch.glob("backfill-*")) == []


@pytest.fixture
def run_of_a_cluster(tmp_path):
    """What a run's join hands on: two files of results, and what stands beside them."""
    paths = sorted((RESULTS / MACHINE).glob("*-*.json"))[:2]
    files = {f"{MACHINE}/{path.name}": path.read_text() for path in paths}
    files[f"{MACHINE}/machine.json"] = (RESULTS / MACHINE / "machine.json").read_text()
    files["benchmarks.json"] = (RESULTS / "benchmarks.json").read_text()
    return files


def test_its_files_are_merged_as_any_others(run_of_a_cluster, tmp_path):
    given, here = tmp_path / "given", tmp_path / "here"
    take_backfill.write(run_of_a_cluster, given)
    here.mkdir()
    taken, refused = results.merge(given, here, UPSTREAM)
    assert len(taken) == 3 and refused == []
    assert results.faults(here, UPSTREAM) == []


def test_a_file_from_outside_of_results_is_not_written(tmp_path):
    with pytest.raises(Failure, match="is not below results/"):
        take_backfill.write({"../../etc/passwd": "x"}, tmp_path / "given")


def test_workers_under_one_name_have_to_be_alike(run_of_a_cluster, tmp_path):
    given, here = tmp_path / "given", tmp_path / "here"
    (here / MACHINE).mkdir(parents=True)
    facts = json.loads(run_of_a_cluster[f"{MACHINE}/machine.json"])
    (here / MACHINE / "machine.json").write_text(json.dumps(facts | {"cpu": "another"}))
    shutil.copy(RESULTS / "benchmarks.json", here)
    take_backfill.write(run_of_a_cluster, given)
    taken, refused = results.merge(given, here, UPSTREAM)
    assert taken == []
    said = f"{MACHINE}/machine.json: {MACHINE} is another machine there: its cpu differ"
    assert set(refused) == {said}


def test_a_run_that_is_not_there_is_said_in_a_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(tmp_path))
    code = take_backfill.run(lambda: take_backfill.main(["12345678"]))
    assert code == 3
    assert capsys.readouterr().err.startswith("error: run 12345678 of Backfill has no results")


def test_a_task_that_is_ended_ends_what_it_runs(tmp_path):
    code = (
        "from pathlib import Path; from scripts import backfill\n"
        "command = 'echo $$; sleep 600 & echo $!; wait'\n"
        "backfill.said(['sh', '-c', command], Path('.'), lambda line: print(line, flush=True))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as task:
        numbers = [next(line for line in task.stdout if line.strip()) for _ in range(2)]
        task.terminate()
    assert task.returncode == 128 + signal.SIGTERM
    for number in map(int, numbers):
        deadline = time.monotonic() + 20
        while alive(number):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def alive(number):
    """Tell whether a process runs; one that nobody has waited for does not."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True)
    return bool(shown.stdout.strip()) and not shown.stdout.startswith("Z")
