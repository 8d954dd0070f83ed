"""`mfbench results merge` and `take`: nothing here is overwritten, nothing damaged is taken."""

import json
import shutil

import pytest

from mfbench.foundation.errors import Failure
from mfbench.foundation.paths import RECORDS, RESULTS, UPSTREAM
from mfbench.results import take
from mfbench.results.check import faults
from mfbench.results.merge import merge
from tests.command_line import mfbench
from tests.committed import MACHINE, edit, file_of

IMPORT = "imports.Import.timeraw_metaflow"


@pytest.fixture
def here(tmp_path):
    """The results/ of a checkout that has measured nothing."""
    folder = tmp_path / "here" / "results"
    folder.mkdir(parents=True)
    shutil.copy(RESULTS / "benchmarks.json", folder)
    return folder


def test_another_checkout_is_taken_in_and_nothing_is_overwritten(copied, here):
    shutil.copytree(RECORDS, copied.parent / "records")
    # Results of the tools' own tests are nobody's.
    (copied / "ci").mkdir()
    (copied / "ci" / "deadbeef-x.json").write_text("{half")
    taken, refused = merge(copied.parent, here, UPSTREAM)
    assert refused == [] and faults(here, UPSTREAM) == [] and not (here / "ci").exists()
    assert {"imports/series.json", f"{MACHINE}/machine.json"} < set(taken)
    assert len(list(here.parent.glob("records/pyperf/*/*/*.json"))) == 2
    new, changed = file_of(here, "main"), file_of(here, "optimized")
    new.unlink()
    before = changed.read_bytes()
    edit(copied, "optimized", lambda content: content.update(date=5))
    # By its results/, too.
    taken, refused = merge(copied, here, UPSTREAM)
    assert taken == [f"{MACHINE}/{new.name}"] and changed.read_bytes() == before
    assert refused == [f"{MACHINE}/{changed.name}: is here with other numbers, which stay"]


def test_damaged_files_are_refused_by_name_and_the_others_are_taken(copied, here):
    shutil.copytree(RECORDS, copied.parent / "records")
    damaged = [file_of(copied, "main"), copied.parent / "records" / "imports" / "series.json"]
    damaged.append(min(copied.parent.glob("records/pyperf/*/*/base.json")))
    for path in damaged:
        path.write_text("{half")
    (copied / "docs").mkdir()
    (copied / "docs" / "a.json").write_text("{}")
    taken, refused = merge(copied, here, UPSTREAM)
    names = {f"{path.parent.name}/{path.name}" for path in damaged}
    assert {line.partition(":")[0] for line in refused} == names | {"docs/machine.json"}
    assert f"{MACHINE}/{file_of(copied, 'optimized').name}" in taken
    assert not (here / "docs").exists() and faults(here, UPSTREAM) == []


def test_names_that_could_leave_their_folder_or_become_html_are_refused(copied, here):
    def rename(content):
        content["results"]["../../evil"] = content["results"].pop(IMPORT)

    edit(copied, "main", rename)
    machine = "<img src=x>"
    shutil.copytree(copied / MACHINE, copied / machine)
    facts = copied / machine / "machine.json"
    facts.write_text(facts.read_text().replace(MACHINE, machine))
    taken, refused = merge(copied, here, UPSTREAM)
    name = file_of(copied, "main").name
    assert f"{MACHINE}/{name}: '../../evil' is no name of a benchmark" in refused
    assert f"{machine}/machine.json: '{machine}' is no name of a machine" in refused
    assert {each.partition("/")[0] for each in taken} == {MACHINE}
    assert f"{MACHINE}/{name}" not in taken


def test_results_of_another_version_of_a_benchmark_are_refused(copied, here):
    known = json.loads((here / "benchmarks.json").read_text())
    measured = json.loads(file_of(copied, "main").read_text())["results"]
    changed = next(name for name in measured if name in known)
    known[changed]["version"] = "another"
    (here / "benchmarks.json").write_text(json.dumps(known))
    taken, refused = merge(copied, here, UPSTREAM)
    name = f"{MACHINE}/{file_of(copied, 'main').name}"
    assert name not in taken and f"{name}: {changed} has another version here" in refused


def test_machines_of_one_name_must_be_alike(copied, here):
    shutil.copytree(RECORDS / "pyperf", copied.parent / "records" / "pyperf")
    facts = json.loads((copied / MACHINE / "machine.json").read_text())
    (here / MACHINE).mkdir()
    (here / MACHINE / "machine.json").write_text(json.dumps(facts | {"cpu": "another"}))
    said = f"{MACHINE}/machine.json: describes another machine: its cpu differ"
    assert merge(copied, here, UPSTREAM) == ([], [said])


def test_the_same_folder_and_no_folder_are_errors(copied):
    with pytest.raises(Failure, match="no other folder of results"):
        merge(copied, copied, UPSTREAM)
    finished = mfbench("results", "merge", "nowhere")
    assert finished.returncode == 3 and finished.stderr.count("\n") == 1


def test_a_run_that_does_not_exist_is_an_error_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("METAFLOW_DATASTORE_SYSROOT_LOCAL", str(tmp_path))
    with pytest.raises(Failure, match="run 12345678 of Backfill has no results"):
        take.files_of("12345678")
