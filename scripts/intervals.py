"""The 95% interval of a ratio of medians: one rule for the README, the verdicts and pyperf."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

SEED = 20190312
CONFIDENCE = 0.95
# Fewer processes a side tell nothing about the spread between processes.
FEWEST_SAMPLES = 4
RESAMPLES = 9999


def ratio_interval(
    numerator: Sequence[float], denominator: Sequence[float], resamples: int = RESAMPLES
) -> tuple[float, float, NDArray[np.float64]]:
    """Return the interval of median / median.

    Parameters
    ----------
    numerator, denominator : sequence of float
        One value a process, in the same unit.
    resamples : int, optional
        How often is drawn.

    Returns
    -------
    low, high : float
        A percentile bootstrap over processes (Efron and Tibshirani 1993, chapter 13), with a fixed
        seed.
    drawn : numpy.ndarray, shape (resamples,)
        The ratio of each drawing.
    """
    found = stats.bootstrap(
        (np.asarray(numerator, float), np.asarray(denominator, float)),
        lambda x, y, axis: np.median(x, axis=axis) / np.median(y, axis=axis),
        confidence_level=CONFIDENCE,
        n_resamples=resamples,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(SEED),
    )
    interval = found.confidence_interval
    return float(interval.low), float(interval.high), found.bootstrap_distribution
