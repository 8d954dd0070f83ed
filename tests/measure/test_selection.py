"""What is measured follows from what the benchmarks declare."""

import itertools
import json
import re

import pytest

from mfbench.foundation.errors import Failure, NothingMeasured
from mfbench.foundation.paths import RESULTS
from mfbench.measure.profiles import LARGE
from mfbench.measure.selection import (
    cases_of,
    left_out,
    pattern_of_cases,
    profile_with,
    repeating_cases,
    select,
    timed_cases,
)
from mfbench.results.benchmarks import Benchmark, read_benchmarks
from mfbench.results.reader import Case


def benchmark(name, *payloads, unit="seconds", **declared):
    kind = "time" if unit == "seconds" else "track"
    parameters = (payloads,) if payloads else ()
    names = ("payload",)[: len(parameters)]
    return Benchmark(name, kind, unit, "1", 1, parameters, names, **declared)


WITNESSES = {
    "witness": "instructions.Save.track_save({payload})",
    "answer": "answers.Save.track_digest({payload})",
}
SUITE = {
    each.name: each
    for each in (
        benchmark("a.Save.time_save", "big", "small", quick=("small",), **WITNESSES),
        benchmark("a.Save.time_other", profile="thorough"),
        benchmark("a.Save.track_bytes", unit="bytes"),
        benchmark("b.Start.timeraw_start", quick=True),
        benchmark("instructions.Save.track_save", "small", unit="instructions"),
        benchmark("answers.Save.track_digest", "big", "small", "other", unit="digest"),
    )
}


def names(cases):
    return {str(case) for case in cases}


def test_each_profile_holds_more_than_the_one_before():
    quick, default, thorough = (
        names(timed_cases(SUITE, profile)) for profile in ("quick", "default", "thorough")
    )
    assert quick == {"a.Save.time_save(small)", "b.Start.timeraw_start"}
    assert default == quick | {"a.Save.time_save(big)"}
    assert thorough == default | {"a.Save.time_other"}
    assert names(select(SUITE, "thorough")) == names(cases_of(SUITE))


def test_witnesses_and_answers_that_exist_are_measured_with_a_timed_case():
    witnesses = {"instructions.Save.track_save(small)", "answers.Save.track_digest(small)"}
    assert names(repeating_cases(SUITE, "quick")) == witnesses
    # Of other topics, too; nothing counts the big one.
    assert names(repeating_cases(SUITE, "default", ["a"])) == witnesses | {
        "answers.Save.track_digest(big)",
        "a.Save.track_bytes",
    }
    assert names(repeating_cases(SUITE, "default", ["b"])) == set()


def test_what_a_profile_leaves_out_is_one_line():
    said = "left out: 5 cases of a, answers; for more, --profile default or thorough"
    assert left_out(SUITE, "quick") == said
    assert left_out(SUITE, "default") == "left out: 1 cases of a; for more, --profile thorough"
    assert left_out(SUITE, "thorough") == ""


def test_topics_that_a_profile_leaves_out_are_measured_by_a_larger_one():
    assert profile_with(SUITE, "quick", ["answers", "b"]) == "quick"
    assert profile_with(SUITE, "quick", ["answers"]) == "default"
    large = benchmark("c.Big.time_save", profile=LARGE)
    with pytest.raises(NothingMeasured, match="c: all cases are large"):
        profile_with(SUITE | {large.name: large}, "quick", ["c"])


def test_nothing_to_measure_is_said_at_once():
    with pytest.raises(Failure, match="unknown topic x; topics are a, answers, b, instructions"):
        select(SUITE, "quick", ["x"])
    with pytest.raises(Failure, match=r"--bench \^x matches no case; topics are a, answers"):
        select(SUITE, "quick", pattern="^x")
    with pytest.raises(Failure, match="profile quick has no case of these topics"):
        select(SUITE, "quick", ["answers"])


def test_patterns_find_what_asv_finds_which_writes_texts_in_quotes():
    described = json.loads((RESULTS / "benchmarks.json").read_text())
    del described["version"]
    asv_names = {
        Case(name, tuple(value.strip("'") for value in values)): (
            name + (f"({', '.join(values)})" if values else "")
        )
        for name, each in described.items()
        if each.get("profile") != LARGE
        for values in itertools.product(*each["params"])
    }

    def found(pattern):
        return {case for case, name in asv_names.items() if re.search(pattern, name)}

    for chosen in (slice(None), slice(0, None, 3), slice(5, 6)):
        cases = list(asv_names)[chosen]
        assert found(pattern_of_cases(cases)) == set(cases)
    for pattern in (r"time_map\(1, 'default'\)", r"multicore.*'default'", "Load|1, '8'", "^i"):
        selected = select(read_benchmarks(RESULTS), "quick", pattern=pattern)
        assert set(selected) == found(pattern) != set()
    # In the cases of all profiles.
    assert names(select(SUITE, "quick", ["a"], r"other|\('?small'?\)")) == {
        "a.Save.time_save(small)",
        "a.Save.time_other",
    }


def test_large_cases_are_measured_by_themselves_only():
    large = benchmark("a.Large.time_save", "huge", profile="large")
    suite = SUITE | {large.name: large}
    for profile in ("quick", "default", "thorough"):
        assert select(suite, profile) == select(SUITE, profile)
        assert left_out(suite, profile) == left_out(SUITE, profile)
    assert names(select(suite, LARGE)) == {"a.Large.time_save(huge)"}
    assert names(select(suite, "thorough", pattern="time_save")) == {
        "a.Save.time_save(big)",
        "a.Save.time_save(small)",
    }
    assert names(select(suite, LARGE, pattern="time_save")) == {"a.Large.time_save(huge)"}
    with pytest.raises(Failure, match="profile large has no case of these topics"):
        select(suite, LARGE, ["b"])
