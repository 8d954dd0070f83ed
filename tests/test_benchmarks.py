"""The benchmarks with real releases: the newest, the oldest supported, and none at all."""

import json
import math
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import asv
import pytest

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "benchmarks"
NEWEST, OLDEST = "2.19.39", "2.10.4"
TOPICS = {
    "answers",
    *("artifacts", "cli", "client", "compression", "extensions", "floors", "flows"),
    *("hashing", "imports", "includefile", "instructions", "multicore", "rival", "s3"),
}
# They need a setting that no release has.
OF_THE_SERIES = {
    "artifacts.SaveWithBlake3Keys.time_save",
    "hashing.ContentKeyWithBlake3.time_find",
}
VERBS = r"(time|timeraw|track)_[a-z]+(_[a-z]+)*"
# What asv leaves out of benchmarks.json, and the project's habits ask for.
DESCRIBE = """
import inspect, json, sys
from asv_runner._aux import update_sys_path
from asv_runner.discovery import disc_benchmarks
update_sys_path(sys.argv[1])
described = {}
for benchmark in disc_benchmarks(sys.argv[1]):
    owner = type(benchmark.func.__self__)
    given = {name for each in owner.__mro__[:-1] for name in vars(each)}
    described[benchmark.name] = {
        "type": benchmark.type, "unit": benchmark.unit, "version": benchmark.version,
        "timeout": benchmark.timeout, "params": benchmark.params,
        "repeat": getattr(benchmark, "repeat", None),
        "param_names": list(getattr(owner, "param_names", [])),
        "doc": owner.__doc__, "given": sorted(given),
    }
print(json.dumps(described))
"""


def run(*command, **options):
    environment = {**os.environ, **options.pop("environment", {})}
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment,
        **options,
    )


def describe(python):
    finished = run(python, "-c", DESCRIBE, BENCHMARKS)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


@pytest.fixture(scope="module")
def described(release_python):
    return describe(release_python(NEWEST))


@pytest.fixture(scope="module")
def project(tmp_path_factory, built_upstream):
    """An asv project of its own with these benchmarks, so that no result of ours is touched."""
    folder = tmp_path_factory.mktemp("project")
    configuration = {
        **{"version": 1, "project": "metaflow", "repo": str(built_upstream), "branches": ["main"]},
        **{"benchmark_dir": str(BENCHMARKS), "environment_type": "existing"},
        **{"launch_method": "forkserver", "default_benchmark_timeout": 120},
    }
    (folder / "asv.conf.json").write_text(json.dumps(configuration))
    machine = {"machine": "here", "version": 1}
    (folder / "results" / "here").mkdir(parents=True)
    (folder / "results" / "here" / "machine.json").write_text(json.dumps(machine))
    (folder / ".asv-machine.json").write_text(json.dumps({"here": machine, "version": 1}))
    return folder


def run_each_case_once(project, python, pattern, label, quick=""):
    """Run each case once; return what was printed and all values. `quick`: without the longest."""
    finished = run(
        *(sys.executable, "-m", "asv", "--config", project / "asv.conf.json", "run"),
        *("--quick", "--show-stderr", "--machine", "here", "--set-commit-hash", label),
        *("--environment", f"existing:{python}", "--bench", pattern),
        environment={"HOME": str(project), "METAFLOW_BENCHMARKS_QUICK": quick},
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    newest = max(
        (path for path in project.glob("results/here/*.json") if path.name != "machine.json"),
        key=lambda path: path.stat().st_mtime,
    )
    stored = json.loads(newest.read_text())
    column = stored["result_columns"].index("result")
    return finished.stdout, {name: row[column] for name, row in stored["results"].items()}


def skipped(values):
    """Name the benchmarks of which a case has no value; of a case that failed it would be null."""
    return {
        name
        for name, cases in values.items()
        if any(
            case is None or (isinstance(case, float) and math.isnan(case))
            for case in cases or [None]
        )
    }


def number_of_values(cases):
    """Count the cases that have a value."""
    return sum(case is not None and not math.isnan(case) for case in cases or ())


def test_every_topic_has_benchmarks(described):
    assert {name.split(".")[0] for name in described} == TOPICS


def test_names_read_as_sentences(described):
    assert all(re.fullmatch(rf"[a-z0-9]+\.[A-Z][A-Za-z0-9]+\.{VERBS}", name) for name in described)


def test_each_class_says_in_a_line_which_cost_it_models(described):
    first_lines = {name: each["doc"].splitlines()[0] for name, each in described.items()}
    assert [
        name for name, line in first_lines.items() if not re.fullmatch(r".{30,}\.|.*; .*", line)
    ] == []


def test_versions_are_bumped_by_hand(described):
    assert [name for name, each in described.items() if "version" not in each["given"]] == []
    assert all(each["version"].isdigit() for each in described.values())


def test_numbers_of_samples_are_given_and_a_process_takes_one(described):
    wanted = {"number", "repeat", "rounds", "warmup_time", "timeout"}
    timed = {name: each for name, each in described.items() if each["type"] == "time"}
    assert len(timed) > 20
    assert {name for name, each in timed.items() if not wanted <= set(each["given"])} == set()
    assert {each["repeat"] for each in timed.values()} == {1}


def test_everything_has_a_time_limit(described):
    assert [name for name, each in described.items() if not each["timeout"]] == []


def test_tracked_values_have_units(described):
    units = {each["unit"] for each in described.values() if each["type"] == "track"}
    assert units == {"bytes", "digest", "instructions", "microseconds", "modules"}


def test_parameters_have_names(described):
    for name, each in described.items():
        assert len(each["params"]) == len(each["param_names"]), name


@pytest.mark.parametrize("version", [NEWEST, OLDEST])
def test_the_same_benchmarks_are_found_with_any_release(release_python, described, version):
    assert describe(release_python(version)) == described


def test_every_module_is_importable_without_metaflow(described):
    hide = f"import sys; sys.modules['metaflow'] = None\n{DESCRIBE}"
    finished = run(sys.executable, "-c", hide, BENCHMARKS)
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout).keys() == described.keys()


def test_without_metaflow_cases_are_skipped_not_failed():
    code = (
        "import sys; sys.modules['metaflow'] = None\n"
        "from asv_runner.benchmarks.mark import SkipNotImplemented\n"
        "from benchmarks import artifacts, client, extensions, hashing, includefile, multicore\n"
        "from benchmarks import rival\n"
        "for setup in (lambda: artifacts.Save().setup('dict-233B'),\n"
        "              lambda: artifacts.SaveWithBlake3Keys().setup('random-5MB'),\n"
        "              lambda: rival.LoadWithLz4().setup('.', 'dict-233B'),\n"
        "              lambda: client.LatestRun().setup('.', 8),\n"
        "              lambda: extensions.Discovery().setup(0, 0),\n"
        "              lambda: hashing.ContentKey().setup('metrics-52KB'),\n"
        "              lambda: includefile.CodePackage().setup(),\n"
        "              lambda: multicore.ParallelMap().setup(1, '8')):\n"
        "    try:\n"
        "        setup()\n"
        "    except SkipNotImplemented:\n"
        "        continue\n"
        "    sys.exit('not skipped')\n"
    )
    finished = run(sys.executable, "-c", code)
    assert finished.returncode == 0, finished.stderr


def test_every_case_runs_once_on_the_newest_release(project, release_python, described):
    output, values = run_each_case_once(project, release_python(NEWEST), ".", NEWEST)
    assert values.keys() == described.keys()
    allowed = set(OF_THE_SERIES)
    if shutil.which("valgrind") is None:
        allowed |= {name for name in described if name.startswith("instructions.")}
    if not Path(sys.executable).with_name("juicefs").exists():
        allowed |= {name for name in described if "Gateway" in name}
    assert skipped(values) == allowed
    assert "failed" not in output
    parts = dict(
        zip(described["imports.Part.track_time"]["params"][0], values["imports.Part.track_time"])
    )
    assert parts["'plugin resolution'"] > parts["'requests'"] > 0


def test_quick_runs_leave_out_the_longest(project, release_python):
    pattern = r"^(flows\.(Wide)?Foreach|flows\.Card|instructions|rival|imports\.Part)"
    pattern += r"|^artifacts\.Save\.time_save\('(dict-233B|zeros-64MB)'\)"
    output, values = run_each_case_once(project, release_python(NEWEST), pattern, "2.15.0", "1")
    assert "failed" not in output
    assert number_of_values(values.pop("artifacts.Save.time_save")) == 1
    assert len(values) > 9
    assert not any(map(number_of_values, values.values()))


# Large payloads take another minute there, and pass through the same code.
IN_OLD_RELEASES = (
    r"^(client|extensions|includefile|hashing\.ContentKey)"
    r"|^(artifacts\.Stored|rival)\..*(dict-233B|metrics-52KB|20-small|random-5MB)"
)


def test_cases_that_reach_into_metaflow_run_on_the_oldest_release(project, release_python):
    output, values = run_each_case_once(project, release_python(OLDEST), IN_OLD_RELEASES, OLDEST)
    assert "failed" not in output
    some = {name for name in values if name.startswith(("artifacts.", "rival."))}
    assert [number_of_values(values.pop(name)) for name in sorted(some)] == [4, 4, 4, 4]
    assert skipped(values) == {"hashing.ContentKeyWithBlake3.time_find"}


def in_benchmarks(python, code):
    finished = run(python, "-c", code)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
def test_counts_of_instructions_repeat(release_python, tmp_path):
    code = (
        "from pathlib import Path; from benchmarks.instructions import count_bare_python\n"
        f"folder = Path({str(tmp_path)!r})\n"
        "print(count_bare_python(folder), count_bare_python(folder))\n"
    )
    first, second = map(int, in_benchmarks(release_python(NEWEST), code).split())
    assert first > 1_000_000
    assert second == pytest.approx(first, rel=1e-4)


def test_asv_accepts_the_benchmarks(release_python, tmp_path):
    script = Path(asv.__file__).with_name("benchmark.py")
    finished = run(release_python(NEWEST), script, "check", BENCHMARKS)
    assert finished.returncode == 0, finished.stdout + finished.stderr
