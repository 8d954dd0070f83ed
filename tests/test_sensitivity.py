"""Planted slow-downs are where they are said to be, and the page counts what was seen."""

import json

import numpy
import pytest

from scripts import sensitivity
from scripts.errors import Failure
from scripts.git_command import commit_of, git
from scripts.paths import UPSTREAM
from scripts.planted import PLACES, REFERENCE, forget, planted
from scripts.sensitivity_report import detected, false_alarms, page


def samples(seed, factor=1.0, rounds=30):
    return list(factor * numpy.exp(numpy.random.default_rng(seed).normal(0, 0.02, rounds)))


def table(first_seed, count=30, rounds=10):
    return {f"case {i}": samples(first_seed + i, rounds=rounds) for i in range(count)}


@pytest.fixture
def found():
    counts = {"import": 1e9}
    return {
        "equal": {"before": table(0), "control": table(100), "after": table(200)},
        "before": {"x": samples(1)},
        "control": {"x": samples(2)},
        "slower": {str(share): {"x": samples(3, 1 + share)} for share in (0.0, 0.03, 0.10, 0.25)},
        "counts": {
            "before": counts,
            "control": counts,
            "0.0": counts,
            "0.002": {"import": 1.002e9},
            "0.01": {"import": 1.01e9},
        },
    }


def test_every_operation_is_slower_in_its_own_place_and_nothing_else_moves():
    main = commit_of(UPSTREAM, "main")
    branches = git(UPSTREAM, "for-each-ref", "refs/heads")
    try:
        commit = planted(UPSTREAM, main, dict.fromkeys(PLACES, 123), "Slower")
        changed = git(UPSTREAM, "diff", "--name-only", main, commit).split()
        added = git(UPSTREAM, "diff", main, commit)
        assert sorted(changed) == sorted({path for path, _, _ in PLACES.values()})
        assert added.count("range(123)") == len(PLACES)
        assert planted(UPSTREAM, main, dict.fromkeys(PLACES, 123), "Slower") == commit
        assert planted(UPSTREAM, main, {}, "Nothing") != commit
    finally:
        forget(UPSTREAM)
    assert git(UPSTREAM, "for-each-ref", "refs/heads") == branches
    assert not git(UPSTREAM, "for-each-ref", REFERENCE)


def test_passes_take_the_time_that_they_are_to_take():
    few, many = (
        sensitivity.passes_for({"import": 0.1, "save": 0.1, "hash": 0.05}, share)
        for share in (0.01, 0.1)
    )
    assert 5 < many["save"] / few["save"] < 20
    # A save goes through the loop of hashing as well.
    assert 0.5 < many["save"] / many["hash"] < 2
    assert many["import"] > 1000


def test_equal_commits_are_paired_in_every_role(found):
    alarms, pairs = false_alarms(found["equal"])
    assert pairs == 90
    assert alarms <= 1
    found["equal"]["after"] = {name: samples(5, 1.5, 10) for name in found["equal"]["after"]}
    assert false_alarms(found["equal"])[0] >= 30


def test_large_slow_downs_are_seen_and_none_is_not(found):
    assert detected(found, "0.25") == {"x": 1.0}
    assert detected(found, "0.0")["x"] <= 0.05
    assert detected(found, "0.03")["x"] < detected(found, "0.1")["x"]


def test_the_page_says_all_of_it(found):
    made = page(found)
    assert "Of 90 pairs of equal commits" in made
    assert "| +25% | 100.0% | 100.0% |" in made
    assert "| +0.2% | import | +0.200% | same |" in made
    assert "| +1.0% | import | +1.000% | slower |" in made
    assert "| counts that are 1% more | all | 1 of 1 | yes |" in made
    assert "| false alarms, of at least 200 pairs | ≤ 1% | 0.00% of 90 | no |" in made


def test_without_samples_the_page_says_how_to_get_them(tmp_path):
    with pytest.raises(Failure, match=r"measure: python -m scripts\.sensitivity"):
        sensitivity.read_samples(tmp_path / "sensitivity.json")
    for damaged in ("{", "[1]"):
        (tmp_path / "sensitivity.json").write_text(damaged)
        with pytest.raises(Failure, match=r"is damaged; measure"):
            sensitivity.read_samples(tmp_path / "sensitivity.json")


def test_samples_that_lack_something_are_no_traceback(tmp_path, monkeypatch, found):
    monkeypatch.setattr(sensitivity, "SAMPLES", tmp_path / "sensitivity.json")
    monkeypatch.setattr(sensitivity, "PAGE", tmp_path / "sensitivity.md")
    del found["counts"]
    (tmp_path / "sensitivity.json").write_text(json.dumps(found))
    with pytest.raises(Failure, match="lacks samples"):
        sensitivity.main(["--report"])
    assert not (tmp_path / "sensitivity.md").exists()
