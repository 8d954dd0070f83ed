"""`mfbench results check`: every fault of results/ and records/ is named with its file."""

import json
import shutil
import time

import pytest

from mfbench.foundation.paths import RECORDS, RESULTS, UPSTREAM
from mfbench.results import check
from mfbench.results.check import MACHINE as MACHINE_JSON
from mfbench.results.check import faults
from tests.command_line import mfbench
from tests.committed import MACHINE, edit, file_of

IN_A_WEEK = (time.time() + 7 * 24 * 60 * 60) * 1000


def lines(results):
    return [str(fault) for fault in faults(results, UPSTREAM)]


def update(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_committed_results_are_sound():
    assert lines(RESULTS) == []


def entry(*values):
    return {"results": {"a.b": list(values)}}


@pytest.mark.parametrize(
    "changes, fault",
    [
        ({"env_name": "another"}, "should be called "),
        ({"params": {"machine": "another"}}, f"was measured on machine another, not {MACHINE}"),
        (entry([-1.0], []), "a.b: a negative number"),
        (entry([1.0], [], "1", 0, -60.0), "a.b: a negative number"),
        (entry([1.0], [], "1", IN_A_WEEK, 1.0), "a.b: measured in the future; set the clock"),
        (entry([float("inf")], []), "can't be read (a.b has a number that can't be)"),
        (entry([1.0], [], "1", 0, "x"), "can't be read ("),
        ({"commit_hash": None}, "can't be read ("),
    ],
)
def test_each_fault_is_named_with_its_file(copied, changes, fault):
    edit(copied, "main", lambda content: content.update(changes))
    name = f"{MACHINE}/{file_of(copied, 'main').name}"
    found = lines(copied)
    assert found and all(line.startswith(f"{name}: ") and "\n" not in line for line in found)
    assert any(line.startswith(f"{name}: {fault}") for line in found), found


def test_results_of_a_commit_that_is_gone_are_superseded(copied):
    edit(copied, "main", lambda content: content.update(commit_hash="0" * 40))
    path = file_of(copied, "main")
    path.rename(path.with_name(f"00000000-{path.name.partition('-')[2]}"))
    (found,) = faults(copied, UPSTREAM)
    assert found.is_superseded and "00000000 is on no branch" in str(found)


def test_the_machine_must_be_described(copied):
    path = copied / MACHINE / MACHINE_JSON
    update(path, cpu="6502")
    assert len([line for line in lines(copied) if "not 6502" in line]) == 3
    path.unlink()
    (found,) = lines(copied)
    assert found.startswith(f"{MACHINE}/{MACHINE_JSON}: missing, ")


def test_faults_of_records_are_named(copied):
    records = copied.parent / "records"
    shutil.copytree(RECORDS, records)
    assert lines(copied) == []
    update(records / "imports" / "series.json", after={"commit": "0"})
    pyperf = min(records.glob("pyperf/*/*/base.json"))
    pyperf.write_text('{"results": [1]}')
    skipped = records / "pythons" / "quiet.json"
    skipped.parent.mkdir(exist_ok=True)
    skipped.write_text("{")
    imports, startup, pythons = lines(copied)
    assert pythons.startswith("pythons/quiet.json: no JSON")
    assert imports.startswith("imports/series.json: no import trees")
    assert startup.startswith(f"{pyperf.parent.name}/base.json: ")


def test_the_command_exits_with_1_for_a_fault(copied, monkeypatch):
    monkeypatch.setattr(check, "RESULTS", copied)
    assert mfbench("results", "check").returncode == 0
    file_of(copied, "main").write_text("")
    finished = mfbench("results", "check")
    assert finished.returncode == 1
    assert finished.stdout.splitlines()[-1] == "3 files of results, 1 fault"
