"""What stands beside a timed case is there, and is what it is said to be."""

import itertools
import json

import pytest

from scripts.measurements import Case
from scripts.paths import RESULTS
from scripts.witnesses import answer_of, instructions_of, size_of


@pytest.fixture(scope="module")
def cases():
    described = json.loads((RESULTS / "benchmarks.json").read_text())
    return {
        Case(name, tuple(value.strip("'") for value in values))
        for name, each in described.items()
        if isinstance(each, dict)
        for values in itertools.product(*each["params"])
    }


def test_counts_and_answers_belong_to_measured_cases(cases):
    # Few payloads are counted: the others have no witness, and that is no mistake.
    counted = {instructions_of(case) for case in cases} & cases
    assert {case.benchmark for case in counted} == {
        "instructions.Artifact.track_load",
        "instructions.Artifact.track_save",
        "instructions.Command.track_run",
    }
    answered = {answer_of(case) for case in cases} - {None}
    assert answered <= cases
    assert {case for case in cases if case.topic == "answers"} == answered


@pytest.mark.parametrize(
    "case, size",
    [
        (Case("artifacts.Save.time_save", ("float64-8MB",)), 8_000_000),
        (Case("artifacts.Load.time_load", ("metrics-52KB",)), 52_000),
        (Case("artifacts.Save.time_save", ("dict-233B",)), 233),
        (Case("client.ReadArtifact.time_read", ("cold", "float64-8MB")), 8_000_000),
        (Case("artifacts.Save.time_save", ("20-small",)), None),
        (Case("imports.Import.timeraw_metaflow"), None),
        (Case("artifacts.Stored.track_bytes", ("float64-8MB",)), None),
    ],
)
def test_throughput_needs_a_size(case, size):
    assert size_of(case) == size
