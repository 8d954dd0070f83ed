"""The 95% confidence interval of a ratio of medians.

A bootstrap draws samples again and again and looks how much their median varies. For a median the
chance of each value is known in closed form, so nothing is drawn here: the result is the one that
endless drawing approaches. It needs no seed, and the site's page/statistics.js finds the same one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import comb

import numpy as np
import scipy  # loads scipy.stats, which takes a second, where it is first used
from numpy.typing import NDArray

CONFIDENCE = 0.95
# Fewer processes a side say nothing about the spread between processes.
FEWEST_SAMPLES = 4
# Medians that are less likely than this are left out.
LEAST_CHANCE = 1e-6
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """The interval of a ratio.

    Attributes
    ----------
    low, high : float
        The limits between which 95% of the bootstrap's ratios lie.
    spread : float
        The standard error of the ratio's logarithm.
    """

    low: float
    high: float
    spread: float


def ratio_interval(before: Sequence[float], after: Sequence[float]) -> Interval:
    """Return the interval of median(before) / median(after), given one value per process.

    It is that of the percentile bootstrap over processes, both sides drawn independently (Efron
    and Tibshirani 1993, chapter 13).
    """
    (above, chances), (below, others) = map(bootstrap_medians, (before, after))
    ratios: Floats = np.divide.outer(above, below).ravel()
    weights: Floats = np.multiply.outer(chances, others).ravel()
    order = np.argsort(ratios, kind="stable")
    ratios, weights = ratios[order], weights[order]
    reached = np.cumsum(weights)
    tail = (1 - CONFIDENCE) / 2
    places = np.searchsorted(reached, [tail * reached[-1], (1 - tail) * reached[-1]])
    logarithms = np.log(ratios)
    mean = np.average(logarithms, weights=weights)
    variance = np.average((logarithms - mean) ** 2, weights=weights)
    low, high = ratios[places]
    return Interval(float(low), float(high), float(np.sqrt(variance)))


def bootstrap_medians(samples: Sequence[float]) -> tuple[Floats, Floats]:
    """Return each median that a bootstrap of the samples can have, and its chance."""
    ordered = np.sort(np.asarray(samples, float))
    lower, upper, chances = median_weights(len(ordered))
    return (ordered[lower] + ordered[upper]) / 2, chances


@lru_cache
def median_weights(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Return which of `count` ordered samples make the bootstrap's median, and how often.

    Returns
    -------
    lower, upper : numpy.ndarray, shape (pairs,)
        The median is halfway between the samples at these places, counted from 0.
    chances : numpy.ndarray, shape (pairs,)
        The chance of each pair. The middle draw of an odd number is at most the k-th sample if
        more than half of the draws are, which is binomial (Maritz and Jarrett 1978). Of an even
        number, the two middle draws are samples a < b if one half of the draws is at most a and
        touches it, and the other half is at least b and touches it.
    """
    half = count // 2
    rank = half + 1 if count % 2 else half
    found = []
    for lower in range(count):
        at_most, less = (
            scipy.stats.binom.sf(rank - 1, count, each / count) for each in (lower + 1, lower)
        )
        both = float(at_most - less)
        for upper in range(lower + 1, count if count % 2 == 0 else 0):
            touching = ((lower + 1) / count) ** half - (lower / count) ** half
            above = ((count - upper) / count) ** half - ((count - upper - 1) / count) ** half
            weight = comb(count, half) * touching * above
            both -= weight
            found.append((lower, upper, weight))
        found.append((lower, lower, both))
    kept = [each for each in found if each[2] > LEAST_CHANCE]
    lowers, uppers, weights = zip(*kept)
    return np.array(lowers), np.array(uppers), np.array(weights)


def mean_of_ratios(ratios: Iterable[float | None]) -> float | None:
    """Return the geometric mean of the known ratios; None if there are none.

    It is the only mean of ratios that does not depend on which side is the divisor (Fleming and
    Wallace 1986).
    """
    logarithms = [math.log(ratio) for ratio in ratios if ratio]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else None
