"""The verdict on one case: what the samples of both sides say, and how sure that is.

docs/method.md explains the rules and names their sources.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

from scipy import stats

from scripts.intervals import FEWEST_SAMPLES, ratio_interval

SIGNIFICANCE = 0.05
TOO_FEW = f"needs {FEWEST_SAMPLES} rounds at least"
# Smaller changes of time are nobody's news, whatever the statistics say.
TIME_THRESHOLD = 0.03
# Instructions repeat to within the second of these.
COUNT_THRESHOLD, COUNT_FLOOR = 0.005, 0.0001
# Room and modules are what they are, apart from an allocator's mood.
SIZE_THRESHOLD = 0.01
# The normal deviate of 80% power (Cohen 1988).
POWER = float(stats.norm.ppf(0.8))


class Verdict(str, Enum):
    """What can be said of a case."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    CANT_TELL = "can't tell"
    NOT_COMPARABLE = "not comparable"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Evidence:
    """What the samples of one timed case say.

    Attributes
    ----------
    ratio : float
        Median after / median before.
    low, high : float
        Its 95% interval.
    probability : float
        That ranks so far apart come about by chance, both sides being the same code.
    floor : float
        How far the control, the same code as before, was off in either direction, as a share; 0
        without one.
    spread : float
        The standard error of the ratio's logarithm.
    processes : int
        On the side with fewer.
    """

    ratio: float
    low: float
    high: float
    probability: float
    floor: float
    spread: float
    processes: int

    @property
    def margin(self) -> float:
        """The effect that a verdict needs, as a share: above the threshold and the A/A floor."""
        return max(TIME_THRESHOLD, self.floor)

    def detectable(self, tests: int = 1) -> float:
        """Return the smallest slow-down that this run would have seen four times out of five.

        Parameters
        ----------
        tests : int, optional
            How many cases the table corrects for. The first one that is called needs a probability
            so many times smaller.

        Returns
        -------
        float
            A share: beyond the margin, and beyond chance.
        """
        beyond_chance = float(stats.norm.isf(SIGNIFICANCE / 2 / tests)) + POWER
        beyond_margin = math.log1p(self.margin) + POWER * self.spread
        return math.expm1(max(beyond_margin, beyond_chance * self.spread))


def weigh(
    before: Sequence[float], after: Sequence[float], control: Sequence[float] = ()
) -> Evidence:
    """Weigh the samples of one timed case.

    Parameters
    ----------
    before, after : sequence of float
        One time a process, in seconds.
    control : sequence of float, optional
        Those of the same code as `before`, from the same run.

    Returns
    -------
    Evidence
        The ratio with its interval (`ratio_interval`) and the two-sided rank test of Mann and
        Whitney (1947), exact unless times are equal, in which the control stands with `before`, for
        it is the same code.
    """
    interval = ratio_interval(after, before)
    middle = median(before)
    alike = [*before, *control]
    has_ties = len({*alike, *after}) < len(alike) + len(after)
    tested = stats.mannwhitneyu(alike, after, method="asymptotic" if has_ties else "exact")
    return Evidence(
        ratio=median(after) / middle,
        low=interval.low,
        high=interval.high,
        probability=float(tested.pvalue),
        floor=off(median(control) / middle) if control else 0.0,
        spread=interval.spread,
        processes=min(len(before), len(after)),
    )


def off(ratio: float) -> float:
    """Return how far a ratio is from 1 in either direction, as a share: 0.8 is as far as 1.25."""
    return max(ratio, 1 / ratio) - 1 if ratio else math.inf


def adjusted(probabilities: Sequence[float]) -> list[float]:
    """Correct for how many cases a table has (Benjamini and Hochberg 1995).

    Parameters
    ----------
    probabilities : sequence of float
        One for each case.

    Returns
    -------
    list of float
        The share of false alarms if all with this one or less were called.
    """
    if not probabilities:
        return []
    return [float(each) for each in stats.false_discovery_control(probabilities)]


def judge_time(evidence: Evidence, chance: float, tests: int = 1) -> tuple[Verdict, str]:
    """Judge a timed case.

    Parameters
    ----------
    evidence : Evidence
        What its samples say.
    chance : float
        Its adjusted probability.
    tests : int, optional
        How many cases it was adjusted for.

    Returns
    -------
    Verdict
        What can be said.
    str
        How to find out, where nothing can; else empty.
    """
    bound = math.log1p(evidence.margin)
    if chance <= SIGNIFICANCE and abs(math.log(evidence.ratio)) > bound:
        return (Verdict.SLOWER if evidence.ratio > 1 else Verdict.FASTER), ""
    reach = max(abs(math.log(evidence.low)), abs(math.log(evidence.high)))
    if reach <= math.log1p(TIME_THRESHOLD):
        return Verdict.SAME, ""
    if reach <= bound:
        return Verdict.CANT_TELL, "the control is as far off"
    return Verdict.CANT_TELL, f"about {more_rounds(evidence, tests)} rounds more would tell"


def more_rounds(evidence: Evidence, tests: int = 1) -> int:
    """Return how many rounds more make a verdict likely.

    The interval is to become narrower than what a verdict needs: its width falls with the square
    root of the number of processes. And ranks of so few must be able to be beyond chance at all.

    Parameters
    ----------
    evidence : Evidence
        What the samples say.
    tests : int, optional
        How many cases the table corrects for.
    """
    half = (math.log(evidence.high) - math.log(evidence.low)) / 2
    wanted = math.log1p(evidence.margin)
    # An effect at the very bound can't be told from none; half of the bound is told from it.
    needed = math.ceil(evidence.processes * (2 * half / wanted) ** 2)
    fewest = evidence.processes
    # Both sides and the control, all of one side below all others.
    while 2 * tests / math.comb(3 * fewest, fewest) > SIGNIFICANCE:
        fewest += 1
    return max(1, needed - evidence.processes, fewest - evidence.processes)


def judge_count(
    before: float, after: float, control: float | None, unit: str
) -> tuple[Verdict, float]:
    """Judge a case that repeats: instructions, bytes, modules.

    Parameters
    ----------
    before, after : float
        The values of both sides.
    control : float or None
        That of the same code as before, where it was measured.
    unit : str
        Of the values.

    Returns
    -------
    Verdict
        Slower stands for more, faster for less.
    float
        How far the control was off, as a share; what repeats has a least floor.
    """
    counted = unit == "instructions"
    threshold = COUNT_THRESHOLD if counted else SIZE_THRESHOLD
    floor = off(control / before) if control is not None and before else 0.0
    floor = max(floor, COUNT_FLOOR if counted else 0.0)
    change = after / before - 1 if before else (math.inf if after else 0.0)
    if abs(change) <= max(threshold, floor):
        return Verdict.SAME, floor
    return (Verdict.SLOWER if change > 0 else Verdict.FASTER), floor
