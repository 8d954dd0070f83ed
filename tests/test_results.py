"""results/ is sound, and what another checkout measured is taken in without harm."""

import json
import shutil
import subprocess
import sys

import pytest

from scripts import results
from scripts.errors import Failure
from scripts.paths import RESULTS, ROOT, UPSTREAM

MACHINE = "reference"
# What release 2.16.8 brought.
STEP = "2.16.7..2.16.8.json"
FACTS = json.loads((RESULTS / MACHINE / "machine.json").read_text())


@pytest.fixture
def copied(tmp_path):
    """Three files of results, to be damaged."""
    folder = tmp_path / "results"
    (folder / MACHINE).mkdir(parents=True)
    for path in sorted((RESULTS / MACHINE).glob("*-*.json"))[:3]:
        shutil.copy(path, folder / MACHINE)
    shutil.copy(RESULTS / MACHINE / "machine.json", folder / MACHINE)
    shutil.copy(RESULTS / "benchmarks.json", folder)
    return folder


def first(folder):
    return min((folder / MACHINE).glob("*-*.json"))


def edit(path, **changes):
    read = json.loads(path.read_text())
    read.update(changes)
    path.write_text(json.dumps(read))


def nested(depth):
    return [nested(depth - 1)] if depth else 1.0


def test_the_committed_results_are_sound():
    assert results.faults(RESULTS, UPSTREAM) == []


@pytest.mark.parametrize(
    "changes, fault",
    [
        ({"commit_hash": "0" * 40}, "is of 00000000-"),
        ({"commit_hash": "0" * 40}, "commit 00000000 is unknown in upstream/"),
        ({"requirements": None}, "requirements: None is not of type 'object'"),
        ({"version": 1}, "format 1, not 2"),
        ({"params": {"machine": MACHINE}}, "params: 'arch' is a required property"),
        ({"params": FACTS | {"machine": "another"}}, "is of machine another, and machine.json"),
        ({"params": FACTS | {"cpu": "6502"}}, "is of cpu 6502, and machine.json is of AMD EPYC"),
        ({"params": FACTS | {"ram": None}}, "params.ram: None is not of type 'string'"),
        ({"date": -1}, "date: -1 is less than the minimum of 0"),
        ({"date": 10**30}, "its commit's date is to come; set the clock, or if"),
        ({"results": {"a.b": [[float("inf")]]}}, "a.b: a number that can't be"),
        ({"results": {"a.b": [[-1.0]]}}, "a.b: a number that can't be"),
        ({"results": {"a.b": 5}}, "results.a.b: 5 is not of type 'array'"),
        ({"results": {"a.b": [None] * 14}}, "a.b: not as its columns say (more than"),
        (
            {"results": {"a.b": [[1.0], [], "1", 0, -60.0]}},
            "a.b: began 0 s after 1970 and took -60 s, which can't be (was the machine's clock",
        ),
        ({"results": {"a.b": [[1.0], [], "1", -5, 1.0]}}, "a.b: began -0.005 s after 1970"),
        ({"results": {"a.b": [[1.0], [], "1", float("nan"), 1.0]}}, "a.b: began nan s after"),
        ({"results": {"a.b": [[1.0], [], "1", 10**400, 1.0]}}, "a.b: began on 9999-12-31, which"),
        (
            {"results": {"a.b": [[1.0], [], "1", 4e12, 1.0]}},
            "a.b: began on 2096-10-02, which this machine's clock says is to come; set the clock",
        ),
        ({"results": {"a\ud800\n": [[-1.0]]}}, "a\\ud800 : a number that can't be"),
        ({"results": {"a.b": [nested(500)]}}, "a.b: not as its columns say (result.0: …]]]"),
        ({"results": {"a.b": [[1.0], [], "1", 0, float("inf")]}}, "a.b: began 0 s after 1970 and"),
        ({"results": {"a.b": [[1.0], [], "1", 0, float("nan")]}}, "a.b: began 0 s after 1970 and"),
        ({"results": {"a.b": [[1.0], [], "1", 0, "x"]}}, "a.b: not as its columns say (duration: "),
        ({"results": {"a.b": [[1.0], [], {}]}}, "a.b: not as its columns say (version: "),
        ({"results": {"a.b": [[True], []]}}, "a.b: not as its columns say (result.0: True is"),
        (
            {"results": {"a.b": [[1.0], [["1", "2"]]]}},
            "a.b: not as its columns say (1 results of 2 cases)",
        ),
        ({"results": {"a.b": ["x"]}}, "a.b: not as its columns say"),
        ({"results": {"a.b": [{"a": 1}]}}, "a.b: not as its columns say"),
        ({"results": {"a.b": [[10**400]]}}, "a.b: a number that can't be"),
        ({"result_columns": ["result", "samples"], "results": {"a.b": [[1.0], 3]}}, "a.b: not as"),
        ({"results": {"a.b": [[1.0], 5]}}, "a.b: not as its columns say (params: 5 is not of"),
        ({"durations": 5}, "can't be read ("),
        ({"result_columns": [["result"]]}, "result_columns.0: ['result'] is not of type"),
        ({"commit_hash": "a\0"}, "commit a\0 is unknown in upstream/"),
    ],
)
def test_each_fault_is_named_with_its_file(copied, changes, fault):
    assert results.faults(copied, UPSTREAM) == []
    path = first(copied)
    edit(path, **changes)
    assert any(
        line.startswith(f"{MACHINE}/{path.name}: {fault}")
        for line in results.faults(copied, UPSTREAM)
    )


def test_skipped_cases_are_no_fault(copied):
    edit(first(copied), results={"a.b": [[float("nan"), None], [["1", "2"]]]})
    assert results.faults(copied, UPSTREAM) == []


def test_machine_facts_are_asked_for(copied):
    path = copied / MACHINE / "machine.json"
    edit(path, cpu="")
    assert results.faults(copied, UPSTREAM) == [f"{MACHINE}/machine.json: lacks cpu"]
    path.unlink()
    found = results.faults(copied, UPSTREAM)
    assert len(found) == 3 and all("its machine.json is missing" in line for line in found)


@pytest.mark.parametrize("depth", [100, 900, 950, 975, 985, 990, 995, 5000])
def test_a_value_that_is_nested_deep_is_told_in_a_line(copied, depth):
    edit(first(copied), results={"a.b": [["nested"]]})
    text = first(copied).read_text().replace('"nested"', "[" * depth + "]" * depth)
    first(copied).write_text(text)
    (fault,) = results.faults(copied, UPSTREAM)
    assert fault.startswith(f"{MACHINE}/{first(copied).name}: ")
    assert "\n" not in fault and len(fault) < 500


def test_a_folder_that_is_no_machine_s_is_told_and_not_taken_in(copied, tmp_path):
    (copied / "docs").mkdir()
    (copied / "docs" / "a:b.json").write_text("{}")
    fault = "docs/a:b.json: its machine.json is missing"
    assert results.faults(copied, UPSTREAM) == [fault]
    assert results.merge(copied, tmp_path / "here", UPSTREAM)[1] == [fault]
    assert not (tmp_path / "here" / "docs").exists()


def test_a_stray_file_is_refused_by_its_name_and_the_others_are_taken(copied, tmp_path):
    (copied / MACHINE / "0notes.json").write_text('{"a": 1}')
    taken, refused = results.merge(copied, tmp_path / "here", UPSTREAM)
    (line,) = refused
    assert line.startswith(f"{MACHINE}/0notes.json: 'commit_hash' is a required property")
    assert len(taken) == 4 and f"{MACHINE}/machine.json" in taken


def test_another_checkout_is_taken_in_and_nothing_is_overwritten(copied, tmp_path):
    here = tmp_path / "here"
    shutil.copytree(copied, here)
    known, changed, new = sorted((copied / MACHINE).glob("*-*.json"))
    (here / MACHINE / new.name).unlink()
    edit(changed, date=5)
    before = (here / MACHINE / changed.name).read_bytes()
    taken, refused = results.merge(copied, here, UPSTREAM)
    assert taken == [f"{MACHINE}/{new.name}"]
    assert refused == [f"{MACHINE}/{changed.name}: is here with other numbers, which stay"]
    assert (here / MACHINE / changed.name).read_bytes() == before
    assert results.merge(copied, here, UPSTREAM)[0] == []
    # As well by the checkout's folder, in which there is JSON that is no result.
    (copied.parent / "docs").mkdir()
    (copied.parent / "docs" / "a.json").write_text("{}")
    assert results.merge(copied.parent, here, UPSTREAM) == ([], refused)
    assert (here / MACHINE / known.name).read_bytes() == known.read_bytes()


def test_results_of_another_version_of_a_benchmark_are_not_taken_in(copied, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    descriptions = json.loads((copied / "benchmarks.json").read_text())
    measured = json.loads(first(copied).read_text())["results"]
    changed, missing = sorted(measured)[:2]
    descriptions[changed]["version"] = "another"
    del descriptions[missing]
    (here / "benchmarks.json").write_text(json.dumps(descriptions))
    taken, refused = results.merge(copied, here, UPSTREAM)
    name = f"{MACHINE}/{first(copied).name}"
    assert name not in taken
    assert f"{name}: {changed} is of another version here" in refused
    now = json.loads((here / "benchmarks.json").read_text())
    assert now[changed]["version"] == "another" and missing in now


def test_import_trees_and_start_up_are_taken_in_too(copied, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    for folder in ("imports", "pyperf"):
        shutil.copytree(RESULTS / folder, copied / folder)
    taken, refused = results.merge(copied, here, UPSTREAM)
    assert refused == []
    assert "imports/series.json" in taken
    assert any(name.startswith("pyperf/") for name in taken)


@pytest.mark.parametrize(
    "name, changes, fault",
    [
        ("series.json", {"module": 5}, "module: 5 is not of type 'string'"),
        ("series.json", {"before": None}, "before: None is not of type 'object'"),
        ("series.json", {"after": {"commit": "0"}}, "after"),
        ("series.json", {"came": [5]}, "came.0: 5 is not of type 'object'"),
        ("series.json", {"left": [{"name": "x"}]}, "left.0: 'importer' is a required property"),
        (STEP, {"rounds": 0}, "rounds: 0 is less than the minimum of 1"),
    ],
)
def test_faults_of_import_trees_are_named(copied, name, changes, fault):
    (copied / "imports").mkdir()
    path = copied / "imports" / name
    shutil.copy(RESULTS / "imports" / name, path)
    assert results.faults(copied, UPSTREAM) == []
    edit(path, **changes)
    (found,) = results.faults(copied, UPSTREAM)
    assert found.startswith(f"imports/{name}: {fault}")


@pytest.mark.parametrize("name", ["2.16.6..2.16.7.json", "1.0..2.0.json"])
def test_trees_of_other_releases_than_their_name_says_are_no_good(copied, name):
    path = copied / "imports" / name
    path.parent.mkdir()
    shutil.copy(RESULTS / "imports" / STEP, path)
    (found,) = results.faults(copied, UPSTREAM)
    assert found == f"imports/{path.name}: is of other commits than its name says"


def test_one_damaged_file_is_refused_by_its_name_and_the_others_are_taken(copied, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    for folder in ("imports", "pyperf"):
        shutil.copytree(RESULTS / folder, copied / folder)
    damaged = min((copied / "pyperf").glob("*.json"))
    damaged.write_text('{"results": [1]}')
    (copied / "imports" / STEP).write_text("{half")
    # What is measured to test the tools is nobody's results.
    (copied / "ci").mkdir()
    (copied / "ci" / "deadbeef-x.json").write_text("{half")
    taken, refused = results.merge(copied, here, UPSTREAM)
    assert [line.partition(":")[0] for line in refused] == [
        f"imports/{STEP}",
        f"pyperf/{damaged.name}",
    ]
    assert "imports/series.json" in taken and f"{MACHINE}/{first(copied).name}" in taken
    assert not (here / "ci").exists()


def test_what_is_unsound_is_not_taken_in(copied, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    path = first(copied)
    path.write_text("{")
    taken, refused = results.merge(copied, here, UPSTREAM)
    assert len(taken) == 3 and (here / MACHINE / "machine.json").exists()
    assert [line.partition(":")[0] for line in refused] == [f"{MACHINE}/{path.name}"]
    assert not (here / MACHINE / path.name).exists()
    with pytest.raises(Failure, match="no other folder of results"):
        results.merge(here, here, UPSTREAM)


def test_the_command_tells_by_its_code(copied):
    def run(*arguments):
        command = [sys.executable, "-m", "scripts.results", "--results", copied, *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert run("check").returncode == 0
    first(copied).write_text("")
    finished = run("check")
    assert finished.returncode == 1
    assert finished.stdout.splitlines()[-1] == "3 files of results, 1 faults"
    assert run("merge", "nowhere").returncode == 3
    assert run("merge", "nowhere").stderr.count("\n") == 1
