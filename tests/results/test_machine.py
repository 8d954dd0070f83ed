"""The facts about a machine are recorded without a question, under the name that was asked for."""

import json
import platform

import pytest
from asv.machine import Machine, MachineCollection

from mfbench.foundation.errors import Failure
from mfbench.results.machines import ensure_machine, this_machine


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_a_new_home_gets_the_facts_under_both_names(home, monkeypatch):
    # asv knows no processor on ARM, whose /proc/cpuinfo has no model name.
    known = Machine.get_defaults()
    monkeypatch.setattr(Machine, "get_defaults", lambda: known | {"cpu": ""})
    assert ensure_machine("quiet") == "quiet"
    assert ensure_machine() == this_machine() == platform.node()
    facts = json.loads((home / ".asv-machine.json").read_text())["quiet"]
    assert all(facts[name] for name in ("machine", "num_cpu", "ram", "os", "arch"))
    assert facts["cpu"] == (platform.processor() or platform.machine())


def test_a_damaged_file_is_named(home):
    (home / ".asv-machine.json").write_text("{")
    with pytest.raises(Failure, match=r"asv-machine\.json.*; repair this file"):
        ensure_machine("quiet")


def test_facts_that_a_person_has_written_stay():
    MachineCollection.save("quiet", {"machine": "quiet", "cpu": "as I call it"})
    assert ensure_machine("quiet") == "quiet"
    assert MachineCollection.load("quiet")["cpu"] == "as I call it"
