"""Ratios, verdicts and noise in words."""

import re

import pytest

from mfbench.report.comparison_text import verdict_text
from mfbench.report.words import noise_text, speed_up_text, times_text
from mfbench.results.reader import Case
from mfbench.verdict.comparison import timed_row, with_verdicts
from mfbench.verdict.rows import Row
from mfbench.verdict.verdict import Verdict

CASE = Case("artifacts.Save.time_save", ("float64-8MB",))


@pytest.mark.parametrize(
    "unit, before, after, said",
    [
        ("seconds", 2.5, 1.0, "2.5× faster"),
        ("seconds", 1.0, 1.1, "1.1× slower"),
        ("bytes", 1.0, 1.04, "1.04× larger"),
        ("bytes", 2.0, 1.0, "2× smaller"),
        ("instructions", 100.0, 200.0, "2× more"),
        ("instructions", 200.0, 100.0, "2× fewer"),
    ],
)
def test_ratios_are_told_in_the_direction_that_people_say(unit, before, after, said):
    assert times_text(Row(CASE, unit, Verdict.SAME, "", before, after)) == said


def row(factor, control=(), spread=1):
    """A timed row, judged, whose head takes `factor` times as long as its base."""
    before = [1.0 + spread * each for each in (0, 0.01, 0.02, 0.03, 0.04, 0.05)]
    after = [each * factor for each in before]
    unjudged = Row(CASE, "seconds", Verdict.CANT_TELL, before=1.025, after=1.025 * factor)
    return with_verdicts([timed_row(unjudged, before, after, control)])[0]


def test_only_a_change_is_told_as_one_and_its_interval_in_the_same_direction():
    assert re.fullmatch(r"\*\*2× faster\*\* \(1\.9\d–2\.\d+\)", speed_up_text(row(0.5)))
    assert re.fullmatch(r"\*\*2× slower\*\* \(1\.9\d–2\.\d+\)", speed_up_text(row(2)))
    assert speed_up_text(row(0.98)) == "no difference seen"
    assert noise_text(row(0.5)) == "–"
    assert noise_text(row(0.5, [1.1275] * 6)) == "±10.0%"


def test_no_difference_says_what_could_have_been_seen():
    pattern = r"no difference seen; this run could have seen \d+% \(\d+ more rounds? .*\)"
    assert re.fullmatch(pattern, verdict_text(row(0.98)))
    noisy = row(1, spread=9)
    assert verdict_text(noisy) == f"no difference seen ({noisy.reason})"
    assert noisy.reason.startswith("too noisy: changes below ")
    # An interval that leaves out 1 has seen one.
    assert verdict_text(row(1.028, spread=0.2)) == "can't tell (below 3%)"
    assert speed_up_text(row(1.028, spread=0.2)) == "can't tell: below 3%"
    # Too few samples have seen nothing.
    few = timed_row(Row(CASE, "seconds", Verdict.CANT_TELL), [2.0] * 3, [1.0] * 3)
    assert speed_up_text(few) == "can't tell: needs at least 4 rounds"


def test_what_is_not_comparable_shows_why_and_no_number():
    row = Row(CASE, "seconds", Verdict.NOT_COMPARABLE, "measured in different runs; do", 4.0, 2.0)
    assert speed_up_text(row) == "not comparable: measured in different runs"
    assert speed_up_text(None) == "not measured"
