"""Verdicts: right on samples whose truth is known, and silent where nothing can be known."""

from dataclasses import replace

import numpy
import pytest

from mfbench.verdict.verdict import (
    COUNT_NOISE,
    MOVED,
    Evidence,
    Verdict,
    adjusted,
    judge_count,
    judge_time,
    more_rounds,
    test_samples,
)

AS_MUCH = "the control differs as much"
FASTER = (Verdict.FASTER, "")
ROUNDS = "60 more rounds would narrow it"
CHANCE = "may be chance among 14 cases (adjusted p 0.08)"


def cant_tell(reason):
    return Verdict.CANT_TELL, reason


def samples(seed, factor=1.0, rounds=10, spread=0.02):
    generator = numpy.random.default_rng(seed)
    return list(0.1 * factor * numpy.exp(generator.normal(0, spread, rounds)))


@pytest.mark.parametrize(
    "factor, control, spread, expected",
    [
        (1.25, 1, 0.02, (Verdict.SLOWER, "")),
        (0.8, 1, 0.02, FASTER),
        (1, None, 0.005, (Verdict.SAME, "")),
        (1.01, None, 0.0005, (Verdict.SAME, "below 3%")),
        (1.1, None, 0.002, (Verdict.SLOWER, "")),
        (1.1, 1.12, 0.002, cant_tell(AS_MUCH)),
        (1.35, 0.7, 0.002, cant_tell(AS_MUCH)),
        (1.35, 1 / 0.7, 0.002, cant_tell(AS_MUCH)),
    ],
)
def test_a_change_counts_if_it_exceeds_the_threshold_and_the_control(
    factor, control, spread, expected
):
    before, after = samples(1, spread=spread), samples(2, factor, spread=spread)
    same_code = samples(3, control, spread=spread) if control else ()
    evidence = test_samples(before, after, same_code)
    assert judge_time(evidence, evidence.p_value) == expected


# What is called without doubt: 1.25 times faster, and the control is 1% off.
CLEAR = Evidence(1.25, 1.2, 1.3, 1e-6, 0.01, 0.02, 10)


@pytest.mark.parametrize(
    "change, p_value, witness, expected",
    [
        ({}, 0.05, None, FASTER),
        # A call needs the interval, however small the p-value, and whatever was counted.
        ({"low": 0.99, "high": 1.07}, 0.001, Verdict.FASTER, cant_tell(ROUNDS)),
        ({"low": 1.01, "ratio": 1.029}, 0.01, None, cant_tell("below 3%")),
        ({"control_noise": 0.26}, 0.01, Verdict.FASTER, cant_tell(AS_MUCH)),
        ({}, 0.0801, None, cant_tell(CHANCE)),
        # The count shows that the code does something else, if in the same direction.
        ({}, 0.0801, Verdict.FASTER, FASTER),
        ({}, 0.0801, Verdict.SLOWER, cant_tell(CHANCE)),
        ({}, 0.0801, Verdict.SAME, cant_tell(CHANCE)),
    ],
)
def test_what_is_called_needs_interval_margin_and_no_chance(change, p_value, witness, expected):
    assert judge_time(replace(CLEAR, **change), p_value, 14, witness) == expected


def test_a_wide_interval_says_how_many_rounds_would_tell_or_that_none_would():
    far, near = (
        test_samples(samples(1, spread=spread), samples(2, spread=spread)) for spread in (0.3, 0.05)
    )
    assert far.detectable(200) > far.detectable() > near.detectable()
    unseen = f"too noisy: changes below {100 * far.detectable():.0f}% are invisible"
    assert judge_time(far, far.p_value) == (Verdict.CANT_TELL, unseen)
    assert more_rounds(far) > 1000
    rounds = f"{more_rounds(near)} more rounds would narrow it"
    assert judge_time(near, near.p_value) == (Verdict.CANT_TELL, rounds)


@pytest.mark.parametrize(
    "rounds, spread, cases, expected",
    [
        (5, 0.02, 14, (Verdict.SLOWER, "")),
        (10, 0.02, 300, (Verdict.SLOWER, "")),
        (4, 0.001, 100, cant_tell("may be chance among 100 cases (adjusted p 0.4)")),
    ],
)
def test_one_clear_change_in_a_long_table_is_seen_with_enough_rounds(
    rounds, spread, cases, expected
):
    before, after, control = (
        samples(seed, factor, rounds, spread) for seed, factor in ((1, 1), (2, 1.5), (3, 1))
    )
    evidence = test_samples(before, after, control)
    p_value = adjusted([evidence.p_value, *[0.5] * (cases - 1)])[0]
    assert judge_time(evidence, p_value, cases) == expected


def test_equal_times_are_tested_too():
    assert test_samples([1.0] * 5, [1.0] * 5, [1.0] * 5).p_value == 1
    assert test_samples([1.0, 1.0, 1.1, 1.2], [2.0, 2.0, 2.1, 2.2]).p_value < 0.05


@pytest.mark.parametrize("tests", [1, 200])
def test_what_is_said_to_be_detectable_is_detected_four_times_out_of_five(tests):
    seen, trials = 0, 300
    for trial in range(trials):
        before, after, control = (samples(3 * trial + k, spread=0.05) for k in range(3))
        least = test_samples(before, after, control).detectable(tests)
        evidence = test_samples(before, [(1 + least) * each for each in after], control)
        # The correction's strictest case: all others are equal.
        p_value = min(1, tests * evidence.p_value)
        seen += judge_time(evidence, p_value, tests)[0] is Verdict.SLOWER
    assert seen >= 0.7 * trials


def test_evidence_names_ratio_interval_and_noise():
    evidence = test_samples([2.0] * 4, [1.0] * 5, [3.0] * 4)
    assert evidence.ratio == pytest.approx(2)
    assert (evidence.low, evidence.high) == pytest.approx((2, 2))
    assert evidence.excludes_one
    assert evidence.control_noise == evidence.margin == pytest.approx(0.5)
    assert evidence.processes == 4


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    held = 0
    for seed in range(200):
        evidence = test_samples(samples(2 * seed, rounds=20), samples(2 * seed + 1, 1.1, rounds=20))
        held += evidence.low <= 1 / 1.1 <= evidence.high
    assert 0.9 <= held / 200 <= 1


def test_many_equal_cases_raise_no_alarm():
    alarms = 0
    for table in range(5):
        seeds = numpy.random.SeedSequence(table).generate_state(300)
        tested = [
            test_samples(*(samples(int(seed), spread=0.1) for seed in three))
            for three in seeds.reshape(100, 3)
        ]
        p_values = adjusted([each.p_value for each in tested])
        alarms += sum(judge_time(*each)[0] in MOVED for each in zip(tested, p_values))
    assert alarms <= 5


def test_correction_is_that_of_benjamini_and_hochberg():
    assert adjusted([0.01, 0.02, 0.03, 0.5]) == pytest.approx([0.04, 0.04, 0.04, 0.5])
    assert adjusted([]) == []


@pytest.mark.parametrize(
    "before, after, control, unit, expected",
    [
        (1e9, 1.006e9, 1e9, "instructions", Verdict.SLOWER),
        (1e9, 0.994e9, 1e9, "instructions", Verdict.FASTER),
        (1e9, 1.004e9, 1e9, "instructions", Verdict.SAME),
        (1e9, 1.006e9, 1.007e9, "instructions", Verdict.SAME),
        (1e9, 1.006e9, None, "instructions", Verdict.SLOWER),
        (0, 0, None, "bytes", Verdict.SAME),
        (0, 5, None, "bytes", Verdict.SLOWER),
        (100, 102, None, "bytes", Verdict.SLOWER),
        (1000, 1009, None, "bytes", Verdict.SAME),
    ],
)
def test_counts_and_sizes_have_rules_of_their_own(before, after, control, unit, expected):
    assert judge_count(before, after, control, unit)[0] is expected
    assert judge_count(1e9, 1e9, 1e9, "instructions")[1] == COUNT_NOISE
