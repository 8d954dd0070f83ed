"""The interval is the one that scipy's bootstrap comes closer to, the longer it draws."""

import numpy
import pytest
from scipy import stats

from mfbench.verdict.intervals import ratio_interval


def times(seed, count):
    return numpy.exp(numpy.random.default_rng(seed).normal(0, 0.1, count))


@pytest.mark.parametrize("counts", [(2, 3), (4, 4), (5, 8), (10, 10), (21, 7), (30, 11)])
def test_the_interval_is_that_of_scipys_bootstrap(counts):
    before, after = times(1, counts[0]), times(2, counts[1])
    found = ratio_interval(before, after)
    expected = stats.bootstrap(
        (before, after),
        lambda x, y, axis: numpy.median(x, axis=axis) / numpy.median(y, axis=axis),
        n_resamples=50_000,
        method="percentile",
        rng=numpy.random.default_rng(3),
    )
    interval = expected.confidence_interval
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=0.01)
    drawn = numpy.log(expected.bootstrap_distribution)
    assert found.spread == pytest.approx(drawn.std(), rel=0.03)
    assert ratio_interval(before[::-1], after[::-1]) == found


def test_equal_samples_have_no_width():
    found = ratio_interval([2.0] * 5, [1.0] * 5)
    assert (found.low, found.high) == (2, 2)
    assert found.spread == pytest.approx(0, abs=1e-9)
