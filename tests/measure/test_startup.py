"""Start-up by pyperf: real environments, real processes, and pyperf's own commands on the files."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyperf
import pytest

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of, git_bytes
from mfbench.foundation.paths import ROOT, UPSTREAM
from mfbench.measure import startup
from mfbench.results.machines import this_machine
from mfbench.results.startup_times import files_of, folder_of
from tests.command_line import mfbench
from tests.interrupts import heed_ctrl_c

pytestmark = pytest.mark.slow
STARTUP = ("explain", "startup")


@pytest.fixture(scope="module")
def commits():
    return tuple(commit_of(UPSTREAM, name) for name in ("main", "optimized"))


@pytest.fixture(scope="module")
def measured(tmp_path_factory, commits):
    """The folder of a run of two rounds of all commands, and what it printed."""
    records = tmp_path_factory.mktemp("records")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "160")
        run = mfbench(*STARTUP, "main", "optimized", "--rounds", "2", "--output", records)
    assert run.returncode == 0, run.stderr
    return folder_of(records, this_machine(), *commits), run.stdout


def suite(path):
    return pyperf.BenchmarkSuite.load(str(path))


def test_each_command_and_side_has_one_value_a_process(measured, commits):
    folder, _ = measured
    assert set(folder.iterdir()) == set(files_of(folder))
    for commit, path in zip(commits, files_of(folder)):
        assert set(suite(path).get_benchmark_names()) == set(startup.COMMANDS)
        for benchmark in suite(path).get_benchmarks():
            runs = [(len(run.values), run.warmups) for run in benchmark.get_runs()]
            assert runs == [(1, ())] * 2
            assert benchmark.get_metadata()["commit"] == commit
        text = path.read_text()
        assert "hostname" not in text and str(ROOT) not in text and sys.prefix not in text


def test_a_person_sees_the_verdicts_and_how_to_go_on_with_pyperf(measured):
    folder, said = measured
    assert "startup.Command.time_start(import)" in said and "needs at least 4 rounds" in said
    last = said.splitlines()[-1]
    assert last.startswith(".venv/bin/python -m pyperf compare_to ")
    files = list(map(str, files_of(folder)))
    assert all(os.path.relpath(path, ROOT) in last for path in files)
    for command in ("compare_to", "stats", "hist", "metadata"):
        arguments = [sys.executable, "-m", "pyperf", command, *files]
        assert "import" in subprocess.check_output(arguments, text=True)


def test_an_environment_has_what_its_commit_has_and_is_kept(measured, commits):
    code = "import metaflow.multicore_utils as module; print(module.__file__)"
    for commit in commits:
        python = startup.make_environment(commit)
        made = python.lstat().st_ctime_ns
        place = Path(subprocess.check_output([python, "-c", code], text=True).strip())
        committed = git_bytes(UPSTREAM, "show", f"{commit}:metaflow/multicore_utils.py")
        assert place.read_bytes() == committed
        # Compiled: what starts first must not be slower than what starts later.
        assert list(place.parent.glob("__pycache__/multicore_utils.*.pyc"))
        assert startup.make_environment(commit).lstat().st_ctime_ns == made


def test_a_process_has_an_environment_of_its_own(monkeypatch):
    code = "import os; assert os.environ['HOME'] == os.getcwd(); os.environ['METAFLOW_USER']; "
    code += "assert 'PYTHONDONTWRITEBYTECODE' not in os.environ and os.path.exists('hello.py')"
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    startup.start([sys.executable, "-c", code], "python")
    with pytest.raises(Failure, match=r"^python of main fails .*nothing_like_it"):
        startup.start([sys.executable, "-c", "import nothing_like_it"], "python of main")


def test_the_sides_take_turns_in_going_first(monkeypatch):
    monkeypatch.setattr(startup, "time_once", lambda commit, python, name: name)
    sides = {"base": Path("a"), "head": Path("b")}
    rounds = [list(startup.one_round(sides, ["python", "import"], number)) for number in range(2)]
    assert [commit for commit, _ in rounds[0]] == ["base", "head", "head", "base"]
    assert [commit for commit, _ in rounds[1]] == ["head", "base", "base", "head"]


def test_a_wrong_command_line_is_one_line():
    assert "are the same commit" in mfbench(*STARTUP, "main", "main").stderr
    wrong = mfbench(*STARTUP, "main", "optimized", "--only", "imports")
    assert "'imports' is none of python, import" in wrong.stderr and wrong.returncode == 3


def test_a_run_replaces_the_files_of_an_older_one_and_adds_its_rounds(tmp_path):
    for value, anew in ((9.0, True), (1.0, True), (2.0, False)):
        run = pyperf.Run([value], metadata={"name": "import"}, collect_metadata=False)
        startup.add(tmp_path, ("base", "head"), [("head", run), ("base", run)], anew)
    for path in files_of(tmp_path):
        assert suite(path).get_benchmark("import").get_values() == (1.0, 2.0)


def test_ctrl_c_keeps_the_rounds_that_are_complete(measured, commits, tmp_path):
    files = files_of(folder_of(tmp_path, this_machine(), *commits))
    command = [sys.executable, "-m", "mfbench", *STARTUP, "main", "optimized"]
    command += ["--only", "python", "--rounds", "1000", "--output", tmp_path]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c
    ) as process:
        while process.poll() is None and not files[1].exists():
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in said
    counts = {suite(path).get_benchmark("python").get_nvalue() for path in files}
    assert len(counts) == 1 and counts.pop() >= 1
