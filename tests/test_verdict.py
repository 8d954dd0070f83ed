"""Verdicts: right on samples whose truth is known, and silent where nothing can be known."""

import math

import numpy
import pytest

from scripts.verdict import (
    COUNT_FLOOR,
    Verdict,
    adjusted,
    judge_count,
    judge_time,
    more_rounds,
    weigh,
)


def samples(seed, factor=1.0, rounds=10, spread=0.02):
    generator = numpy.random.default_rng(seed)
    return list(0.1 * factor * numpy.exp(generator.normal(0, spread, rounds)))


def verdict(before, after, control=(), cases=1):
    evidence = weigh(before, after, control)
    return judge_time(evidence, min(1.0, evidence.probability * cases))


def test_a_clear_change_is_seen_in_both_directions():
    assert verdict(samples(1), samples(2, 1.25), samples(3))[0] is Verdict.SLOWER
    assert verdict(samples(1), samples(2, 0.8), samples(3))[0] is Verdict.FASTER


def test_equal_code_is_the_same_if_samples_are_close():
    assert verdict(samples(1, spread=0.005), samples(2, spread=0.005)) == (Verdict.SAME, "")


def test_a_wide_interval_says_how_many_rounds_would_tell():
    found, how = verdict(samples(1, spread=0.3), samples(2, spread=0.3))
    assert found is Verdict.CANT_TELL
    assert int(how.split()[1]) > 50


def test_what_the_control_shows_too_is_no_change():
    before, after = samples(1, spread=0.002), samples(2, 1.1, spread=0.002)
    assert verdict(before, after)[0] is Verdict.SLOWER
    assert verdict(before, after, samples(3, 1.12, spread=0.002)) == (
        Verdict.CANT_TELL,
        "the control is as far off",
    )


def test_a_control_is_off_in_either_direction():
    before, after = samples(1, spread=0.002), samples(2, 1.35, spread=0.002)
    for factor in (0.7, 1 / 0.7):
        control = samples(3, factor, spread=0.002)
        assert weigh(before, after, control).floor == pytest.approx(1 / 0.7 - 1, rel=0.02)
        assert verdict(before, after, control)[0] is Verdict.CANT_TELL


def test_one_clear_change_in_a_long_table_is_seen():
    for rounds, cases in ((5, 14), (10, 300)):
        before, control = samples(1, rounds=rounds), samples(3, rounds=rounds)
        after = samples(2, 1.5, rounds=rounds)
        evidence = weigh(before, after, control)
        chance = adjusted([evidence.probability, *[0.5] * (cases - 1)])[0]
        assert judge_time(evidence, chance, cases)[0] is Verdict.SLOWER


def test_too_few_ranks_ask_for_as_many_rounds_as_they_need():
    evidence = weigh(
        *(samples(seed, factor, 4, 0.001) for seed, factor in ((1, 1), (2, 1.5), (3, 1)))
    )
    chance = adjusted([evidence.probability, *[0.5] * 99])[0]
    assert judge_time(evidence, chance, 100) == (
        Verdict.CANT_TELL,
        "about 2 rounds more would tell",
    )
    chance = adjusted([evidence.probability, *[0.5] * 9999])[0]
    assert judge_time(evidence, chance, 10_000)[1] == "about 4 rounds more would tell"


def test_equal_times_are_tested_too():
    assert weigh([1.0] * 5, [1.0] * 5, [1.0] * 5).probability == 1
    assert weigh([1.0, 1.0, 1.1, 1.2], [2.0, 2.0, 2.1, 2.2]).probability < 0.05


@pytest.mark.parametrize("tests", [1, 200])
def test_what_is_said_to_be_detectable_is_detected_four_times_out_of_five(tests):
    seen, trials = 0, 300
    for trial in range(trials):
        three = [samples(3 * trial + k, spread=0.05) for k in range(3)]
        least = weigh(three[0], three[1], three[2]).detectable(tests)
        after = [(1 + least) * each for each in three[1]]
        evidence = weigh(three[0], after, three[2])
        # The correction's strictest case: all others are equal.
        seen += (
            judge_time(evidence, min(1, tests * evidence.probability), tests)[0] is Verdict.SLOWER
        )
    assert seen >= 0.7 * trials


def test_a_change_below_the_threshold_is_the_same_however_sure_it_is():
    before, after = samples(1, spread=0.001, rounds=40), samples(2, 1.01, spread=0.001, rounds=40)
    assert weigh(before, after).probability < 1e-6
    assert verdict(before, after)[0] is Verdict.SAME


def test_evidence_names_ratio_interval_and_floor():
    evidence = weigh([1.0, 1.0, 1.0, 1.0], [2.0, 2.0, 2.0, 2.0], [1.5, 1.5, 1.5, 1.5])
    assert evidence.ratio == pytest.approx(2)
    assert (evidence.low, evidence.high) == pytest.approx((2, 2))
    assert evidence.floor == pytest.approx(0.5)
    assert evidence.margin == pytest.approx(0.5)
    assert evidence.processes == 4


def test_the_same_samples_give_the_same_verdict_each_time():
    assert weigh(samples(1), samples(2)) == weigh(samples(1), samples(2))


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    held = 0
    for seed in range(200):
        evidence = weigh(samples(2 * seed, rounds=20), samples(2 * seed + 1, 1.1, rounds=20))
        held += evidence.low <= 1.1 <= evidence.high
    assert 0.9 <= held / 200 <= 1


def test_many_equal_cases_raise_no_alarm():
    alarms = 0
    for table in range(5):
        seeds = numpy.random.SeedSequence(table).generate_state(300)
        weighed = [
            weigh(*(samples(int(seed), spread=0.1) for seed in seeds[3 * case : 3 * case + 3]))
            for case in range(100)
        ]
        chances = adjusted([each.probability for each in weighed])
        alarms += sum(
            judge_time(each, chance)[0] in (Verdict.SLOWER, Verdict.FASTER)
            for each, chance in zip(weighed, chances)
        )
    assert alarms <= 5


def test_correction_is_that_of_benjamini_and_hochberg():
    assert adjusted([0.01, 0.02, 0.03, 0.5]) == pytest.approx([0.04, 0.04, 0.04, 0.5])
    assert adjusted([]) == []


@pytest.mark.parametrize(
    "before, after, control, expected",
    [
        (1e9, 1.006e9, 1e9, Verdict.SLOWER),
        (1e9, 0.994e9, 1e9, Verdict.FASTER),
        (1e9, 1.004e9, 1e9, Verdict.SAME),
        (1e9, 1.006e9, 1.007e9, Verdict.SAME),
        (1e9, 1.006e9, None, Verdict.SLOWER),
    ],
)
def test_counts_have_a_rule_of_their_own(before, after, control, expected):
    found, floor = judge_count(before, after, control, "instructions")
    assert found is expected
    assert floor >= COUNT_FLOOR


def test_sizes_may_be_nothing():
    assert judge_count(0, 0, None, "bytes")[0] is Verdict.SAME
    assert judge_count(0, 5, None, "bytes")[0] is Verdict.SLOWER
    assert judge_count(100, 102, None, "bytes")[0] is Verdict.SLOWER


def test_more_rounds_shrink_as_samples_come_closer():
    far = weigh(samples(1, spread=0.2), samples(2, spread=0.2))
    near = weigh(samples(1, spread=0.05), samples(2, spread=0.05))
    assert more_rounds(far) > more_rounds(near) >= 1
    assert math.isfinite(far.detectable())
    assert far.detectable(200) > far.detectable()
