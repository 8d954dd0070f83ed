"""Start-up by pyperf: real environments, real processes, and pyperf's own commands on the files."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyperf
import pytest

from scripts import history, pyperf_results, side_environments, startup
from scripts.errors import Failure
from scripts.git_command import commit_of, git_bytes
from scripts.paths import ROOT, UPSTREAM
from scripts.pyperf_results import Finding, findings, path_of, store, stored

SHORT = ["--only", "import,python", "--rounds"]


def tool(*arguments, code=0):
    command = [sys.executable, "-m", "scripts.startup", *map(str, arguments)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == code, finished.stderr
    assert "Traceback" not in finished.stderr
    return finished.stdout if code == 0 else finished.stderr


@pytest.fixture(scope="module")
def commits():
    """The newest release and the optimised branch."""
    history.ensure(UPSTREAM)
    return [commit_of(UPSTREAM, name) for name in ("main", "optimized")]


@pytest.fixture(scope="module")
def measured(tmp_path_factory, commits):
    """A folder of values, and what the tool said when it measured them."""
    folder = tmp_path_factory.mktemp("measured")
    return folder, tool("main", "optimized", *SHORT, 2, "--output", folder)


@pytest.fixture(scope="module")
def sides(measured, commits):
    """The environments that it has made."""
    return [startup.make_side(commit) for commit in commits]


@pytest.fixture
def copied(measured, tmp_path):
    """A copy of the values, to be added to."""
    for path in measured[0].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def number_of_values(path):
    suite = pyperf.BenchmarkSuite.load(str(path))
    return {each.get_name(): each.get_nvalue() for each in suite.get_benchmarks()}


def test_each_command_and_side_has_one_value_a_process(measured, commits):
    folder, _ = measured
    assert {path.name for path in folder.iterdir()} == {f"{each[:8]}.json" for each in commits}
    for commit in commits:
        suite = pyperf.BenchmarkSuite.load(str(path_of(folder, commit)))
        assert set(suite.get_benchmark_names()) == {"python", "import"}
        for benchmark in suite.get_benchmarks():
            runs = benchmark.get_runs()
            assert [(len(run.values), run.warmups, run.get_loops()) for run in runs] == [
                (1, (), 1)
            ] * 2
            assert benchmark.get_metadata()["commit"] == commit
            assert "load_avg_1min" in runs[0].get_metadata()


def test_a_person_sees_a_line_a_command_and_how_to_go_on(measured):
    _, said = measured
    lines = said.splitlines()
    assert [line.split()[0] for line in lines if "×" in line] == ["python", "import"]
    assert lines[-1].startswith(".venv/bin/python -m pyperf compare_to ")


def test_the_files_name_no_host_and_no_place(measured):
    folder, _ = measured
    for path in folder.iterdir():
        text = path.read_text()
        assert "hostname" not in text and str(ROOT) not in text and sys.prefix not in text


@pytest.mark.parametrize("command", ["compare_to", "stats", "hist", "metadata"])
def test_pyperf_reads_the_files(measured, commits, command):
    folder, _ = measured
    files = [str(path_of(folder, commit)) for commit in commits]
    finished = subprocess.run(
        [sys.executable, "-m", "pyperf", command, *files], capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    # pyperf compares only what it finds to differ by name.
    assert "import" in finished.stdout


def test_a_second_run_adds_to_the_values_and_keeps_the_environments(copied, commits, sides):
    before = {path.name: number_of_values(path) for path in copied.iterdir()}
    made = [side.python.lstat().st_ctime_ns for side in sides]
    tool("main", "optimized", "--only", "python", "--rounds", 1, "--output", copied)
    assert [side.python.lstat().st_ctime_ns for side in sides] == made
    for path in copied.iterdir():
        assert number_of_values(path) == before[path.name] | {"python": 3}


def test_an_environment_has_what_its_commit_has(sides, commits):
    for side, commit in zip(sides, commits):
        code = "import metaflow.multicore_utils as module; print(module.__file__)"
        place = subprocess.check_output([side.python, "-c", code], text=True).strip()
        committed = git_bytes(UPSTREAM, "show", f"{commit}:metaflow/multicore_utils.py")
        assert Path(place).read_bytes() == committed
        # Compiled: what starts first must not be slower than what starts later.
        assert list(Path(place).parent.glob("__pycache__/multicore_utils.*.pyc"))


@pytest.mark.parametrize("name", startup.COMMANDS)
def test_every_command_works_at_both_sides(sides, name):
    for side in sides:
        startup.start_once(side, name)


def test_a_process_is_measured_in_surroundings_of_its_own(sides, monkeypatch):
    code = "import os; assert os.environ['HOME'] == os.getcwd(); os.environ['METAFLOW_USER']; "
    code += "assert 'PYTHONDONTWRITEBYTECODE' not in os.environ and os.path.exists('hello.py')"
    monkeypatch.setitem(side_environments.COMMANDS, "python", ("-c", code))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    run = startup.time_once(sides[0], "python", sitting="now")
    assert run.get_metadata()["sitting"] == "now"
    assert run.get_metadata()["command"].startswith("python -c ")


def test_a_command_that_fails_is_named(sides, monkeypatch):
    monkeypatch.setitem(side_environments.COMMANDS, "import", ("-c", "import nothing_like_it"))
    for call in (startup.start_once, startup.time_once):
        with pytest.raises(Failure, match=f"^import of {sides[0].commit[:8]} fails"):
            call(sides[0], "import")


def test_sides_take_turns_in_who_goes_first(sides, monkeypatch):
    started = []
    monkeypatch.setattr(startup, "time_once", lambda side, name, **more: started.append(side))
    for number in range(2):
        startup.one_round(sides, ["python", "import"], number, "now")
    before, after = sides
    assert started == [before, after, after, before, after, before, before, after]


def test_an_unknown_revision_is_one_line(tmp_path):
    said = tool("main", "9.9.9", "--output", tmp_path, code=3)
    assert said.startswith("error: unknown revision 9.9.9") and said.count("\n") == 1


def test_a_commit_is_not_compared_with_itself(commits, tmp_path):
    said = tool("main", commits[0], "--output", tmp_path, code=3)
    assert "the same commit" in said and said.count("\n") == 1


def test_an_unknown_command_is_named(tmp_path):
    assert "'imports' is no command" in tool("main", "HEAD", "--only", "imports", code=2)


def test_a_file_of_something_else_is_left_alone(commits, tmp_path):
    path = path_of(tmp_path, commits[0])
    for content in ("{}", "[1]", "half of a fi"):
        path.write_text(content)
        said = tool("main", "optimized", "--output", tmp_path, code=3)
        assert f"{path} is no file of pyperf" in said and said.count("\n") == 1
        assert path.read_text() == content


def test_ctrl_c_keeps_the_rounds_that_are_complete(copied, commits):
    files = [path_of(copied, commit) for commit in commits]
    command = [sys.executable, "-m", "scripts.startup", "main", "optimized", "--only", "python"]
    with subprocess.Popen(
        [*command, "--rounds", "1000", "--output", copied],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell's background jobs ignore Ctrl-C, and what they start does, too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        while process.poll() is None and number_of_values(files[1])["python"] < 4:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"of 1000 rounds are in {copied}" in said and "Traceback" not in said
    values = [number_of_values(path) for path in files]
    assert values[0] == values[1]
    assert values[0]["python"] >= 4 and values[0]["import"] == 2
    assert sorted(copied.iterdir()) == sorted(files)


def run_of(name, value, **metadata):
    facts = {"name": name, "unit": "second", "python_version": "3", **metadata}
    return pyperf.Run([value], metadata=facts, collect_metadata=False)


def test_what_was_not_measured_together_is_not_compared(tmp_path):
    before, after = path_of(tmp_path, "a" * 40), path_of(tmp_path, "b" * 40)
    for sitting, value in (("both", 2.0), ("alone", 9.0)):
        store(before, [run_of("import", value, sitting=sitting)])
    assert findings(tmp_path, "a" * 40, "b" * 40) == []
    for sitting, value in (("both", 1.0), ("another", 5.0)):
        store(after, [run_of("import", value, sitting=sitting)])
    assert findings(tmp_path, "a" * 8, "b" * 8) == [Finding("import", 2.0, 1.0, 2.0, None, None)]


def test_enough_processes_give_an_interval(tmp_path):
    for commit, values in (("a" * 40, (2.0, 2.1, 2.2, 2.3)), ("b" * 40, (1.0, 1.1, 1.2, 1.3))):
        runs = [run_of("run", value, sitting="both") for value in values]
        store(path_of(tmp_path, commit), runs)
    (found,) = findings(tmp_path, "a" * 40, "b" * 40)
    assert found.ratio == pytest.approx(2.15 / 1.15)
    assert 2.0 / 1.3 <= found.low < found.ratio < found.high <= 2.3 / 1.0


def test_values_of_another_python_are_not_mixed_in(tmp_path):
    path = path_of(tmp_path, "a" * 40)
    store(path, [run_of("import", 1.0)])
    content = path.read_bytes()
    with pytest.raises(Failure, match="of another machine or Python"):
        store(path, [run_of("import", 1.0) for _ in range(2)] + [foreign()])
    assert path.read_bytes() == content
    assert stored(path_of(tmp_path, "b" * 40)) is None


def foreign():
    return run_of("import", 1.0)._update_metadata({"python_version": "4"})


def test_a_control_that_differs_is_said():
    fine = Finding("python", 1.0, 1.0, 1.0, 0.9, 1.1)
    moved = Finding("python", 1.2, 1.0, 1.2, 1.1, 1.3)
    few = Finding("python", 1.2, 1.0, 1.2, None, None)
    assert "differs" in startup.table([moved])
    assert "differs" not in startup.table([fine]) and "differs" not in startup.table([few])


def test_results_of_asv_are_not_looked_for_among_pyperfs(measured):
    folder, _ = measured
    assert not list(folder.glob("*-*.json"))
    assert json.loads(next(folder.iterdir()).read_text())["version"] == "1.0"
    assert pyperf_results.path_of(startup.OUTPUT, "c" * 40).parent == ROOT / "results" / "pyperf"
    assert os.path.relpath(side_environments.ENVIRONMENTS, ROOT).startswith(".asv")
