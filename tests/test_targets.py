"""What was wanted stands beside what the results show, and a miss beside what was tried."""

import json

import pytest

from optimizations import SERIES
from scripts import targets
from scripts.goals import GOALS, Goal
from scripts.paths import RESULTS
from scripts.readme_table import Measured, Row, index_of

COMMITS = {"main": "release", "": "tip", "lazy_plugins": "middle"}
FLOOR = Row("", "floors.Save.time_save", ("x",))
CASE = Row("saving x", "artifacts.Save.time_save", ("x",))


@pytest.fixture
def measured(monkeypatch):
    """Values by commit and benchmark that stand for results."""
    values = {("release", CASE.benchmark): 12.0, ("tip", CASE.benchmark): 3.0}

    def read(results, machine, commit, row):
        value = values.get((commit, row.benchmark))
        return None if value is None else Measured(value, ())

    monkeypatch.setattr(targets, "read_case", read)
    return values


def cells(goal):
    return targets.reached(goal, RESULTS, "reference", COMMITS)


def test_what_is_reached_is_bold_and_needs_no_excuse(measured):
    goal = Goal(CASE, 4, tried="this and that")
    assert cells(goal) == ["saving x", "≥ 4×", "**4×**", "", ""]


def test_a_miss_tells_the_most_there_is_and_what_was_tried(measured):
    measured["release", FLOOR.benchmark] = 2.5
    measured["tip", FLOOR.benchmark] = 2.0
    goal = Goal(CASE, 5, floors={"plain": FLOOR}, tried="this and that")
    assert cells(goal) == ["saving x", "≥ 5×", "4×", "plain 5.333×", "this and that"]


def test_a_goal_may_be_that_of_a_commit_between(measured):
    measured["middle", CASE.benchmark] = 6.0
    goal = Goal(CASE, 2, after="lazy_plugins")
    assert cells(goal)[0] == "saving x, up to `lazy_plugins`"
    assert cells(goal)[2] == "**2×**"


def test_what_was_not_measured_is_not_made_up(measured):
    measured.clear()
    assert cells(Goal(CASE, 2))[2:] == ["not measured", "", ""]


def test_a_size_may_grow_by_so_much(measured):
    measured["tip", CASE.benchmark] = 12.6
    assert cells(Goal(CASE, 1.08, size=True))[1:3] == ["≤ 1.08×", "**1.05×**"]
    assert cells(Goal(CASE, 1.04, size=True))[1:3] == ["≤ 1.04×", "1.05×"]


def test_a_setting_is_compared_off_and_on_after_the_series(measured):
    off = Row("", "artifacts.Save.time_other")
    measured["tip", off.benchmark] = 6.0
    assert cells(Goal(CASE, 1.5, setting_off=off))[2] == "**2×**"


def test_goals_name_cases_that_are_measured():
    stored = json.loads((RESULTS / "benchmarks.json").read_text())
    rows = [row for goal in GOALS for row in (goal.row, *goal.floors.values())]
    rows += [goal.setting_off for goal in GOALS if goal.setting_off]
    for row in rows:
        assert index_of(stored[row.benchmark]["params"], row.parameters) is not None, row
    known = {"", *(optimization.name for optimization in SERIES)}
    assert {goal.after for goal in GOALS} <= known
    assert {goal.before for goal in GOALS} <= {*known, "main"}
