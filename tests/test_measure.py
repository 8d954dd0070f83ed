"""Measuring for a comparison: what each profile holds, and how long it is said to take."""

import itertools
import json
import re
import subprocess
import sys

import pytest

from scripts import measure
from scripts.measurements import Case, Measurement, Side
from scripts.paths import RESULTS, ROOT


@pytest.fixture(scope="module")
def names():
    described = json.loads((RESULTS / "benchmarks.json").read_text())
    return [
        name + (f"({', '.join(values)})" if values else "")
        for name, each in described.items()
        if isinstance(each, dict)
        for values in itertools.product(*each["params"])
    ]


def chosen(names, profile, topics=()):
    pattern = measure.pattern_of(measure.PROFILES[profile], topics)
    return {name for name in names if re.search(pattern, name)}


def test_each_profile_holds_more_than_the_one_before(names):
    quick, default, thorough = (chosen(names, each) for each in ("quick", "default", "thorough"))
    assert quick < default < thorough
    repeating = {name for name in names if re.search(measure.REPEATING, name)}
    assert not thorough & repeating
    assert not thorough & {name for name in names if name.startswith("instructions.")}


def test_topics_narrow_a_profile(names):
    assert {
        name.partition(".")[0] for name in chosen(names, "default", ["imports", "multicore"])
    } == {
        "imports",
        "multicore",
    }
    assert "multicore.ParallelMap.time_map(64, 'default')" in chosen(names, "quick", ["multicore"])


def test_the_estimate_grows_with_rounds_and_commits():
    cases = {
        Case("imports.Import.timeraw_metaflow"): Measurement(0.1, seconds=2.0),
        Case("flows.Run.time_hello"): Measurement(0.5, seconds=5.0),
    }
    side = Side("x", "0" * 40, "", {}, cases)
    assert measure.estimate(side, "^imports", 10, 3) == 3 * 10 * (2 + measure.SECONDS_TO_INSTALL)
    assert measure.estimate(side, ".", 1, 1) == 7 + measure.SECONDS_TO_INSTALL
    assert measure.estimate(None, ".", 1, 1) is None


def test_cases_are_found_as_asv_writes_them(names):
    cases = {measure.quoted(case) for case in cases_of(RESULTS)}
    quick = {name for name in cases if re.search(measure.PROFILES["quick"].benchmarks, name)}
    assert quick == chosen(names, "quick")


def cases_of(results):
    (path,) = [*results.glob("reference/2ce24a12-*.json")]
    return measure.read_side(path, "main").cases


def test_what_repeats_is_narrowed_to_topics_and_their_witnesses(names):
    every = {name for name in names if re.search(measure.repeating([]), name)}
    few = {name for name in names if re.search(measure.repeating(["imports"]), name)}
    assert few < every
    assert {name.partition(".")[0] for name in few} == {"answers", "imports", "instructions"}


def test_bad_arguments_end_in_a_line():
    wrong = {
        3: (["main", "nonsense"],),
        2: (
            ["main", "HEAD", "--profile", "huge"],
            ["main"],
            ["main", "HEAD", "--only", "imports("],
        ),
    }
    for code, arguments in ((code, each) for code, several in wrong.items() for each in several):
        command = [sys.executable, "-m", "scripts.measure", *arguments]
        finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        assert finished.returncode == code
        assert "Traceback" not in finished.stderr
