"""The machine's facts are filled in without a question, under the name that was asked for."""

import json
import platform

import pytest
from asv.machine import Machine, MachineCollection

from scripts import machine
from scripts.asv_upstream import asked_for, facts
from scripts.errors import Failure


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_new_home_gets_the_facts(home):
    assert machine.ensure("quiet") == "quiet"
    facts = json.loads((home / ".asv-machine.json").read_text())["quiet"]
    assert all(facts[name] for name in ("machine", "cpu", "num_cpu", "ram", "os", "arch"))


def test_where_asv_knows_no_processor_there_is_one_all_the_same(home, monkeypatch):
    # As of ARM's /proc/cpuinfo, which has no name of a model.
    known = Machine.get_defaults()
    monkeypatch.setattr(Machine, "get_defaults", lambda: known | {"cpu": ""})
    machine.ensure("quiet")
    assert MachineCollection.load("quiet")["cpu"] == (platform.processor() or platform.machine())
    assert facts()["cpu"]


def test_another_name_does_not_become_the_hosts(home):
    machine.ensure("ci")
    assert machine.ensure() == platform.node()


def test_a_damaged_file_is_named(home):
    (home / ".asv-machine.json").write_text("{")
    with pytest.raises(Failure, match=r"asv-machine\.json is damaged"):
        machine.ensure("quiet")


def test_what_a_person_has_written_stays(home):
    MachineCollection.save("quiet", {"machine": "quiet", "cpu": "as I call it"})
    assert machine.ensure("quiet") == "quiet"
    assert MachineCollection.load("quiet")["cpu"] == "as I call it"


@pytest.mark.parametrize(
    "arguments", [["--machine", "quiet"], ["--machine=quiet"], ["-m", "quiet", "main^!"]]
)
def test_the_name_on_asvs_command_line_is_used(arguments):
    assert asked_for(["run", *arguments]) == {"machine": "quiet"}


def test_no_name_on_the_command_line_is_no_name():
    assert asked_for(["run", "--quick", "main^!"]) == {}
