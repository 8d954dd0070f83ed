"""The interval is the one that scipy's bootstrap comes closer to, the longer it draws."""

import numpy
import pytest
from scipy import stats

from scripts.intervals import bootstrap_medians, median_weights, ratio_interval


def times(seed, count, spread=0.1):
    return numpy.exp(numpy.random.default_rng(seed).normal(0, spread, count))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7, 8, 10, 21, 30])
def test_chances_are_those_of_drawing(count):
    lower, upper, chances = median_weights(count)
    assert chances.sum() == pytest.approx(1, abs=1e-3)
    assert (lower <= upper).all() and (chances > 0).all()
    samples = times(count, count)
    medians, weights = bootstrap_medians(samples)
    drawn = numpy.random.default_rng(1).choice(samples, (50_000, count))
    expected = numpy.median(drawn, axis=1)
    assert numpy.average(medians, weights=weights) == pytest.approx(expected.mean(), rel=1e-3)
    spread = numpy.sqrt(numpy.cov(medians, aweights=weights, ddof=0))
    assert spread == pytest.approx(expected.std(), rel=0.02, abs=1e-12)


@pytest.mark.parametrize("counts", [(4, 4), (5, 8), (10, 10), (30, 11)])
def test_the_interval_is_that_of_scipy_s_bootstrap(counts):
    numerator, denominator = times(1, counts[0]), times(2, counts[1])
    found = ratio_interval(numerator, denominator)
    expected = stats.bootstrap(
        (numerator, denominator),
        lambda x, y, axis: numpy.median(x, axis=axis) / numpy.median(y, axis=axis),
        n_resamples=50_000,
        method="percentile",
        rng=numpy.random.default_rng(3),
    )
    interval = expected.confidence_interval
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=0.01)
    drawn = numpy.log(expected.bootstrap_distribution)
    assert found.spread == pytest.approx(drawn.std(), rel=0.03)


def test_the_interval_does_not_depend_on_the_order():
    numerator, denominator = times(1, 9), times(2, 9)
    assert ratio_interval(numerator, denominator) == ratio_interval(
        numerator[::-1], denominator[::-1]
    )


def test_equal_samples_have_no_width():
    found = ratio_interval([2.0] * 5, [1.0] * 5)
    assert (found.low, found.high) == (2, 2)
    assert found.spread == pytest.approx(0, abs=1e-9)
