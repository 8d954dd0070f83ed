"""The verdict on one case: what the samples of both sides say, and how sure that is.

docs/method.md explains the rules and names their sources.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import median

import numpy as np
from scipy import stats

from scripts.intervals import FEWEST_SAMPLES, ratio_interval

SIGNIFICANCE = 0.05
TOO_FEW = f"needs {FEWEST_SAMPLES} rounds at least"
RESAMPLES = 4000
# Smaller changes of time are nobody's news, whatever the statistics say.
TIME_THRESHOLD = 0.03
# Instructions repeat to within the second of these.
COUNT_THRESHOLD, COUNT_FLOOR = 0.005, 0.0001
# Room and modules are what they are, apart from an allocator's mood.
SIZE_THRESHOLD = 0.01
# Normal deviates of 5% from both ends, and of 80% power (Cohen 1988).
DETECTABLE = 1.96 + 0.84


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
        How far the control, the same code as before, was off: |ratio - 1|; 0 without one.
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

    @property
    def detectable(self) -> float:
        """The smallest slow-down that this run would have seen four times out of five."""
        return max(self.margin, math.expm1(DETECTABLE * self.spread))


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
        The ratio with its interval (`ratio_interval`) and the exact two-sided rank test of Mann and
        Whitney (1947), in which the control stands with `before`, for it is the same code.
    """
    low, high, drawn = ratio_interval(after, before, RESAMPLES)
    middle = median(before)
    return Evidence(
        ratio=median(after) / middle,
        low=low,
        high=high,
        probability=float(stats.mannwhitneyu([*before, *control], after).pvalue),
        floor=abs(median(control) / middle - 1) if control else 0.0,
        spread=float(np.std(np.log(drawn))),
        processes=min(len(before), len(after)),
    )


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


def judge_time(evidence: Evidence, chance: float) -> tuple[Verdict, str]:
    """Judge a timed case.

    Parameters
    ----------
    evidence : Evidence
        What its samples say.
    chance : float
        Its adjusted probability.

    Returns
    -------
    Verdict
        What can be said.
    str
        How to find out, where nothing can; else empty.
    """
    if evidence.processes < FEWEST_SAMPLES:
        return Verdict.CANT_TELL, TOO_FEW
    bound = math.log1p(evidence.margin)
    if chance <= SIGNIFICANCE and abs(math.log(evidence.ratio)) > bound:
        return (Verdict.SLOWER if evidence.ratio > 1 else Verdict.FASTER), ""
    reach = max(abs(math.log(evidence.low)), abs(math.log(evidence.high)))
    if reach <= bound:
        return Verdict.SAME, ""
    return Verdict.CANT_TELL, f"about {more_rounds(evidence)} rounds more would tell"


def more_rounds(evidence: Evidence) -> int:
    """Return how many rounds more make the interval narrower than what a verdict needs.

    Its width falls with the square root of the number of processes.
    """
    half = (math.log(evidence.high) - math.log(evidence.low)) / 2
    wanted = math.log1p(evidence.margin)
    # An effect at the very bound can't be told from none; half of the bound is told from it.
    needed = evidence.processes * (2 * half / wanted) ** 2
    return max(1, math.ceil(needed) - evidence.processes)


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
    floor = abs(control / before - 1) if control is not None and before else 0.0
    floor = max(floor, COUNT_FLOOR if counted else 0.0)
    change = after / before - 1 if before else (math.inf if after else 0.0)
    if abs(change) <= max(threshold, floor):
        return Verdict.SAME, floor
    return (Verdict.SLOWER if change > 0 else Verdict.FASTER), floor
