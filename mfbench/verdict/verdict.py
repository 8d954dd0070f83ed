"""The verdict on one case. docs/understanding.md explains the rules and names their sources."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist, median

import scipy

from mfbench.verdict.intervals import FEWEST_SAMPLES, ratio_interval

SIGNIFICANCE = 0.05
TOO_FEW = f"needs at least {FEWEST_SAMPLES} rounds"
# Smaller changes of time interest nobody, whatever the statistics say.
TIME_THRESHOLD = 0.03
# Counts of instructions repeat to within the second of these.
COUNT_THRESHOLD, COUNT_NOISE = 0.005, 0.0001
# Bytes and modules repeat, apart from what an allocator does.
SIZE_THRESHOLD = 0.01
# Above this many more rounds, a case is too noisy.
MOST_ROUNDS = 100
BELOW_THRESHOLD, AS_MUCH = f"below {TIME_THRESHOLD:.0%}", "the control differs as much"
TOO_NOISY = "too noisy: "
# The normal deviate of 80% power (Cohen 1988).
POWER = NormalDist().inv_cdf(0.8)


class Verdict(str, Enum):
    """What can be said of a case."""

    FASTER = "faster"
    SLOWER = "slower"
    SAME = "same"
    CANT_TELL = "can't tell"
    SAME_CODE = "same code"
    NOT_COMPARABLE = "not comparable"
    NOT_MEASURED = "not measured"


MOVED = (Verdict.FASTER, Verdict.SLOWER)


@dataclass(frozen=True)
class Evidence:
    """What the samples of one timed case say.

    Attributes
    ----------
    ratio : float
        Median before / median after: above 1 is faster.
    low, high : float
        Its 95% confidence interval.
    p_value : float
        The p-value: how likely ranks so far apart are if both sides are the same code.
    control_noise : float
        How far the control's median is from the base's, as a share; 0 without a control.
    spread : float
        The standard error of the ratio's logarithm.
    processes : int
        Samples of the side that has fewer.
    """

    ratio: float
    low: float
    high: float
    p_value: float
    control_noise: float
    spread: float
    processes: int

    @property
    def margin(self) -> float:
        """The change that a verdict needs, as a share: beyond the threshold and the noise."""
        return max(TIME_THRESHOLD, self.control_noise)

    @property
    def excludes_one(self) -> bool:
        """Whether the confidence interval excludes a ratio of 1."""
        return not self.low <= 1 <= self.high

    def detectable(self, tests: int = 1) -> float:
        """Return the smallest change that this run would have seen four times out of five.

        `tests` is the number of cases that the table corrects for. The result is a share: beyond
        the margin, and beyond chance at a significance so many times stricter.
        """
        beyond_chance = float(scipy.stats.norm.isf(SIGNIFICANCE / 2 / tests)) + POWER
        beyond_margin = math.log1p(self.margin) + POWER * self.spread
        return math.expm1(max(beyond_margin, beyond_chance * self.spread))


def test_samples(
    before: Sequence[float], after: Sequence[float], control: Sequence[float] = ()
) -> Evidence:
    """Compare the samples of one timed case: one per process, all from the same run.

    The p-value is that of the two-sided rank test of Mann and Whitney (1947), exact unless times
    are equal. The control counts with `before`, because it is the same code.
    """
    interval = ratio_interval(before, after)
    middle = median(before)
    same_code = [*before, *control]
    has_ties = len({*same_code, *after}) < len(same_code) + len(after)
    tested = scipy.stats.mannwhitneyu(
        same_code, after, method="asymptotic" if has_ties else "exact"
    )
    return Evidence(
        ratio=middle / median(after),
        low=interval.low,
        high=interval.high,
        p_value=float(tested.pvalue),
        control_noise=distance_from_one(middle / median(control)) if control else 0.0,
        spread=interval.spread,
        processes=min(len(before), len(after)),
    )


# Its name begins as that of a test; pytest would collect it where it is imported.
test_samples.__test__ = False  # type: ignore[attr-defined]


def distance_from_one(ratio: float) -> float:
    """Return how far a ratio is from 1, as a share: 0.8 is as far as 1.25."""
    return max(ratio, 1 / ratio) - 1 if ratio else math.inf


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Benjamini and Hochberg 1995).

    Each result is the share of false alarms if all cases with this p-value or less were called.
    """
    if not p_values:
        return []
    return [float(each) for each in scipy.stats.false_discovery_control(p_values)]


def judge_time(
    evidence: Evidence, adjusted_p_value: float, tests: int = 1, witness: Verdict | None = None
) -> tuple[Verdict, str]:
    """Judge a timed case.

    Parameters
    ----------
    evidence : Evidence
        What its samples say.
    adjusted_p_value : float
        Its p-value, adjusted.
    tests : int, optional
        How many cases it was adjusted for.
    witness : Verdict, optional
        The verdict on the instructions of the same work: where these moved in the same direction,
        the code does something else, and significance is not required.

    Returns
    -------
    Verdict
        The verdict.
    str
        Why it is neither faster nor slower, or how many more rounds would help; else empty.
    """
    direction = Verdict.FASTER if evidence.ratio > 1 else Verdict.SLOWER
    change = distance_from_one(evidence.ratio) if evidence.excludes_one else 0.0
    reach = max(map(distance_from_one, (evidence.low, evidence.high)))
    beyond_chance = adjusted_p_value <= SIGNIFICANCE or witness is direction
    if change > evidence.margin and beyond_chance:
        return direction, ""
    if reach <= TIME_THRESHOLD:
        return Verdict.SAME, BELOW_THRESHOLD if change else ""
    if 0 < change <= TIME_THRESHOLD:
        return Verdict.CANT_TELL, BELOW_THRESHOLD
    if 0 < change <= evidence.margin or reach <= evidence.margin:
        return Verdict.CANT_TELL, AS_MUCH
    if change:
        chance = f"may be chance among {tests} case{'s' * (tests > 1)}"
        return Verdict.CANT_TELL, f"{chance} (adjusted p {adjusted_p_value:.2g})"
    more = more_rounds(evidence, tests)
    if more > MOST_ROUNDS:
        unseen = f"changes below {100 * evidence.detectable(tests):.0f}% are invisible"
        return Verdict.CANT_TELL, TOO_NOISY + unseen
    return Verdict.CANT_TELL, f"{more} more round{'s' * (more > 1)} would narrow it"


def more_rounds(evidence: Evidence, tests: int = 1) -> int:
    """Return how many more rounds make a verdict likely, `tests` being as in `judge_time`.

    The interval has to become narrower than what a verdict needs; its width falls with the square
    root of the number of processes. And there have to be enough ranks to be beyond chance.
    """
    half = (math.log(evidence.high) - math.log(evidence.low)) / 2
    wanted = math.log1p(evidence.margin)
    # A change of just the margin can't be told from none; half of the margin can.
    needed = math.ceil(evidence.processes * (2 * half / wanted) ** 2)
    fewest = evidence.processes
    # Base, head and control, all samples of the head on one side of all others.
    while 2 * tests / math.comb(3 * fewest, fewest) > SIGNIFICANCE:
        fewest += 1
    return max(1, needed - evidence.processes, fewest - evidence.processes)


def judge_count(
    before: float, after: float, control: float | None, unit: str
) -> tuple[Verdict, float]:
    """Judge a case that repeats: instructions, bytes, modules.

    Returns
    -------
    Verdict
        Slower stands for more, faster for less.
    float
        How far the control is from the base, as a share, and at least what counts vary by.
    """
    counted = unit == "instructions"
    threshold = COUNT_THRESHOLD if counted else SIZE_THRESHOLD
    noise = distance_from_one(control / before) if control is not None and before else 0.0
    noise = max(noise, COUNT_NOISE if counted else 0.0)
    change = after / before - 1 if before else (math.inf if after else 0.0)
    if abs(change) <= max(threshold, noise):
        return Verdict.SAME, noise
    return (Verdict.SLOWER if change > 0 else Verdict.FASTER), noise
