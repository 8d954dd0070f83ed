"""What was wanted stands beside what the results show, and a miss beside what was tried."""

import json

import pytest

from optimizations import SERIES
from scripts import targets
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
    goal = targets.Goal(CASE, 4, tried="this and that")
    assert cells(goal) == ["saving x", "≥ 4×", "**4×**", "", ""]


def test_a_miss_tells_the_most_there_is_and_what_was_tried(measured):
    measured["release", FLOOR.benchmark] = 2.5
    measured["tip", FLOOR.benchmark] = 2.0
    goal = targets.Goal(CASE, 5, floor=FLOOR, tried="this and that")
    assert cells(goal) == ["saving x", "≥ 5×", "4×", "5.333×", "this and that"]


def test_a_goal_may_be_that_of_a_commit_between(measured):
    measured["middle", CASE.benchmark] = 6.0
    goal = targets.Goal(CASE, 2, after="lazy_plugins")
    assert cells(goal)[0] == "saving x, up to `lazy_plugins`"
    assert cells(goal)[2] == "**2×**"


def test_what_was_not_measured_is_not_made_up(measured):
    measured.clear()
    assert cells(targets.Goal(CASE, 2))[2:] == ["not measured", "", ""]


def test_goals_name_cases_that_are_measured():
    stored = json.loads((RESULTS / "benchmarks.json").read_text())
    rows = [row for goal in targets.GOALS for row in (goal.row, goal.floor) if row is not None]
    for row in rows:
        assert index_of(stored[row.benchmark]["params"], row.parameters) is not None, row
    known = {"", *(optimization.name for optimization in SERIES)}
    assert {goal.after for goal in targets.GOALS} <= known
