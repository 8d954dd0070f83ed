"""The benchmarks with real releases: the newest, the oldest supported, and none at all."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.support import beside
from mfbench.foundation.paths import ROOT
from tests.optimizations.optimized_releases import NEWEST, VERSIONS

BENCHMARKS = ROOT / "benchmarks"
NAME = r"[a-z0-9]+\.[A-Z][A-Za-z0-9]+\.(time|timeraw|track)_[a-z]+(_[a-z]+)*"
WITHOUT_METAFLOW = "import sys; sys.modules['metaflow'] = None\n"


def run(*command, **environment):
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | environment,
    )


def describe(python, before=""):
    """Return what asv knows of the benchmarks, as it finds them with some Python."""
    code = "from mfbench.results.discovery import Path, main; main(Path('benchmarks').resolve())"
    finished = run(python, "-c", before + code)
    assert finished.returncode == 0, finished.stderr
    return {each["name"]: each for each in json.loads(finished.stdout)}


@pytest.fixture(scope="module")
def described(release_python):
    return describe(release_python(NEWEST))


@pytest.fixture
def run_each_case_once(tmp_path, built_upstream, release_python):
    """Run cases with a release in an asv project of its own; return all values."""
    configuration = {
        **{"version": 1, "project": "metaflow", "repo": str(built_upstream), "branches": ["main"]},
        **{"benchmark_dir": str(BENCHMARKS), "environment_type": "existing"},
        **{"launch_method": "forkserver", "default_benchmark_timeout": 120},
    }
    (tmp_path / "asv.conf.json").write_text(json.dumps(configuration))
    machine = {"machine": "here", "version": 1}
    (tmp_path / "results" / "here").mkdir(parents=True)
    (tmp_path / "results" / "here" / "machine.json").write_text(json.dumps(machine))
    (tmp_path / ".asv-machine.json").write_text(json.dumps({"here": machine, "version": 1}))

    def run_once(version, pattern, quick=""):
        finished = run(
            *(sys.executable, "-m", "asv", "--config", tmp_path / "asv.conf.json", "run"),
            *("--quick", "--show-stderr", "--machine", "here", "--set-commit-hash", version),
            *("--environment", f"existing:{release_python(version)}", "--bench", pattern),
            HOME=str(tmp_path),
            METAFLOW_BENCHMARKS_QUICK=quick,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert "failed" not in finished.stdout, finished.stdout
        (written,) = tmp_path.glob("results/here/*-*.json")
        stored = json.loads(written.read_text())
        column = stored["result_columns"].index("result")
        return {name: row[column] for name, row in stored["results"].items()}

    return run_once


def number_of_values(cases):
    """Count the cases that have a value; NaN stands for skipped, null for failed."""
    return sum(case is not None and not math.isnan(case) for case in cases or ())


def incomplete(values):
    return {name for name, cases in values.items() if number_of_values(cases) < len(cases or [0])}


def wrong_answers(values):
    return [name for name, cases in values.items() if name.startswith("answers.") and 1 in cases]


def test_each_benchmark_follows_the_habits(described):
    modules = {path.stem for path in BENCHMARKS.glob("*.py")} - {"__init__", "payloads"}
    assert {name.split(".")[0] for name in described} == modules
    for name, each in described.items():
        assert re.fullmatch(NAME, name), name
        assert each["version"].isdigit(), f"{name} has asv's digest of its code as version"
        assert each["timeout"], name
        assert not any(re.match(r"param\d", given) for given in each["param_names"]), name
        if each["type"] == "time":
            assert (each["repeat"], each["warmup_time"]) == (1, 0), f"{name}: 1 sample a process"
        else:
            units = {"bytes", "instructions", "microseconds", "modules", "wrong answers"}
            units |= {"requests", "connections", "processes"}
            assert each["unit"] in units, name


def test_the_same_benchmarks_are_found_with_any_release_and_without(release_python, described):
    assert describe(release_python(VERSIONS[0])) == described
    assert describe(sys.executable, WITHOUT_METAFLOW) == described


@pytest.mark.parametrize(
    "setup",
    [
        "artifacts.Save().setup('dict-233B')",
        "artifacts.SaveWithBlake3Keys().setup('random-5MB')",
        "artifacts.Load().setup(Path(), 'dict-233B')",
        "client.LatestRun().setup(Path(), 8)",
        "extensions.Discovery().setup(0, 0)",
        "hashing.ContentKey().setup('metrics-52KB')",
        "includefile.CodePackage().setup()",
        "large.Save().setup('float64-1000MB')",
        "multicore.ParallelMap().setup(1, '8')",
        "packages.Build().setup('venv')",
        "runner.Run().setup()",
        "runner.Spin().setup()",
        "s3runs.Batch().setup('get')",
        "s3runs.Foreach().setup(5)",
        "s3runs.Run().setup('hello')",
        "s3runs.Traffic().setup({}, 'hello')",
        "service.Traffic().setup({}, 'hello')",
        "service.Reading().setup('', 'latest run')",
        "service.Running().setup('hello')",
    ],
)
def test_without_metaflow_cases_are_skipped_not_failed(setup, tmp_path):
    # A benchmark makes its folders in the current one.
    code = f"from pathlib import Path; from benchmarks import {setup.partition('.')[0]}; "
    code += f"import os; os.chdir({str(tmp_path)!r}); {setup}"
    last = run(sys.executable, "-c", WITHOUT_METAFLOW + code).stderr.strip().splitlines()[-1]
    assert last.startswith("asv_runner.benchmarks.mark.SkipNotImplemented: "), last


# Counting these takes minutes; test_scheduler.py counts narrower runs.
WIDE_COUNTS = r"scheduler\.(Parent|Child|Log|Lint)\."


def test_every_case_but_wide_counts_runs_once_on_the_newest_release(run_each_case_once, described):
    values = run_each_case_once(NEWEST, f"^(?!{WIDE_COUNTS})")
    assert values.keys() == {name for name in described if not re.match(WIDE_COUNTS, name)}
    # They need a setting that no release has.
    allowed = {name for name in described if "Blake3" in name}
    allowed |= {name for name, each in described.items() if each.get("profile") == "large"}
    if shutil.which("valgrind") is None:
        allowed |= {name for name, each in described.items() if each["unit"] == "instructions"}
    if not beside.has("pandas"):
        allowed |= {name for name in described if "Pandas" in name}
    if not beside.has("pylint"):
        allowed |= {name for name in described if "Pylint" in name}
    if not Path(sys.executable).with_name("juicefs").exists():
        allowed |= {name for name in described if "Gateway" in name}
    assert incomplete(values) == allowed & values.keys()
    names = described["imports.Part.track_time"]["params"][0]
    assert not wrong_answers(values)
    parts = dict(zip(names, values["imports.Part.track_time"]))
    assert parts["'plugin resolution'"] > parts["'requests'"] > 0


def test_a_wrong_answer_is_told_from_a_right_one(tmp_path, release_python):
    broken = (
        "import benchmarks, hashlib, metaflow.client, metaflow.multicore_utils as multicore\n"
        "from metaflow.datastore import content_addressed_store, task_datastore\n"
        "content_addressed_store.sha1 = hashlib.sha256\n"
        "metaflow.client.core.DataArtifact.data = []\n"
        "multicore.parallel_map = lambda function, items: [*map(function, items)][::-1]\n"
        "task_datastore.TaskDataStore.load_artifacts = lambda _, names: [(*names, b'y')]\n"
    )
    ask = (
        "from benchmarks.answers import Artifacts, ClientRead, ContentKey, ParallelMap\n"
        f"import os; os.chdir({str(tmp_path)!r})\n"
        "read = ClientRead()\n"
        "folder = read.setup_cache()\n"
        "read.setup(folder)\n"
        "print(read.track_wrong(folder, 'metrics-52KB'), ParallelMap().track_wrong(2),"
        " ContentKey().track_wrong('text-1MB'), Artifacts().track_wrong('one-byte'))\n"
    )
    said = [run(release_python(NEWEST), "-c", code) for code in (ask, broken + ask)]
    assert [each.stdout for each in said] == ["0 0 0 0\n", "1 1 1 1\n"], said[1].stderr


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
def test_counts_of_saves_and_loads_do_not_depend_on_where_objects_lie(release_python):
    code = """
import re, sys, tempfile
from pathlib import Path
from benchmarks.instructions import PROGRAMS, count
program = PROGRAMS / "artifact_branches.py"
holes = (
    f"import runpy, sys; sys.path.insert(0, {str(PROGRAMS)!r});"
    f"held = [bytes(each % 600) for each in range({sys.argv[1]})]; del held[::3];"
    f"sys.argv[1:] = ['metrics-52KB']; runpy.run_path({str(program)!r}, run_name='__main__')"
)
output, counts = count(["-c", holes], Path(tempfile.mkdtemp()))
found = {name: counts[process] for process, name in re.findall(r"branch (\\d+) (.+)", output)}
print(*(found[f"{what} metrics-52KB"] - found["nothing"] for what in ("save", "load")))
"""
    python = release_python(NEWEST)
    counted = [run(python, "-c", code, holes) for holes in (0, 10_000)]
    before, after = (list(map(int, each.stdout.split())) for each in counted)
    assert after == pytest.approx(before, rel=0.003)


def test_quick_runs_leave_out_the_longest(run_each_case_once):
    pattern = r"^(flows|hashing\.Candidate|instructions|rival|imports\.Part)"
    pattern += r"|^artifacts\.Save\.time_save\('(dict-233B|zeros-64MB)'\)"
    values = run_each_case_once(NEWEST, pattern, quick="1")
    assert len(values) > 9
    measured = {name: number_of_values(cases) for name, cases in values.items()}
    assert {name for name, number in measured.items() if number} == {
        "artifacts.Save.time_save",
        "flows.Run.time_hello",
    }
    assert measured["artifacts.Save.time_save"] == 1


# Large payloads take another minute there, and pass through the same code.
IN_OLD_RELEASES = (
    r"^(client|extensions|includefile|hashing\.ContentKey|answers\.[CP])"
    r"|^(artifacts\.Stored|rival|answers\.A).*(dict-233B|metrics-52KB|20-small|random-5MB)"
)


def test_cases_that_reach_into_metaflow_run_on_the_oldest_release(run_each_case_once):
    values = run_each_case_once(VERSIONS[0], IN_OLD_RELEASES)
    some = {name for name in values if name.startswith(("answers.A", "artifacts.", "rival."))}
    assert not wrong_answers(values)
    assert [number_of_values(values.pop(name)) for name in sorted(some)] == [4] * 5
    assert incomplete(values) == {"hashing.ContentKeyWithBlake3.time_find"}
