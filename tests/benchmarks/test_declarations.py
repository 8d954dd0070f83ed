"""What benchmarks declare reaches results/benchmarks.json, and is true."""

import pytest

from benchmarks.payloads import PAYLOADS
from mfbench.foundation.paths import RESULTS
from mfbench.results.benchmarks import discover, read_benchmarks


@pytest.fixture(scope="module")
def benchmarks():
    return discover()


def test_the_committed_description_is_up_to_date(benchmarks):
    assert read_benchmarks(RESULTS) == benchmarks


def test_declared_witnesses_and_answers_exist(benchmarks):
    cases = {case for each in benchmarks.values() for case in each.cases()}
    counted, answers = set(), set()
    for each in benchmarks.values():
        found = {each.witness_of(case) for case in each.cases()} & cases
        assert found or each.witness is None, each
        counted |= found
        answers |= {each.answer_of(case) for case in each.cases()} - {None}
    assert {case.benchmark for case in counted} == {
        "instructions.Artifact.track_load",
        "instructions.Artifact.track_save",
        "instructions.Command.track_run",
    }
    assert answers == {case for case in cases if case.topic == "answers"}


def test_profiles_are_known_and_subsets_name_real_parameters(benchmarks):
    for each in benchmarks.values():
        assert each.profile in ("default", "thorough", "large"), each
        quick = [case for case in each.cases() if each.is_quick(case)]
        assert bool(quick) == bool(each.quick), each
        assert not quick or each.profile == "default", each


def test_the_quick_profile_holds_what_a_person_feels(benchmarks):
    quick = {
        str(case) for each in benchmarks.values() for case in each.cases() if each.is_quick(case)
    }
    saved = [f"artifacts.Save.time_save({payload})" for payload in PAYLOADS]
    assert [case for case in saved if case in quick] == [saved[1], saved[3]]
    assert {case for case in quick if case.startswith("multicore.")} == {
        f"multicore.ParallelMap.time_map({tasks}, default)" for tasks in (1, 8)
    }
    assert {case.partition(".")[0] for case in quick} == {
        *("artifacts", "cli", "flows", "imports", "instructions", "multicore")
    }


def test_floors_and_candidates_are_not_judged(benchmarks):
    same_code = {name for name, each in benchmarks.items() if not each.runs_metaflow}
    assert {".".join(name.split(".")[:2]) for name in same_code if name[:6] != "floors"} == {
        *("compression.PackWith", "compression.UnpackWith"),
        *("hashing.Candidate", "imports.Interpreter", "rival.BatchInOneClient"),
    }
    assert {name for name in benchmarks if name.startswith("floors.")} < same_code
