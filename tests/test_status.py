"""STATUS.md is the one that the committed results give."""

from optimizations import SERIES
from scripts import history, status
from scripts.git_command import git
from scripts.paths import UPSTREAM
from scripts.readme_table import read_case
from scripts.series import write_series


def test_every_optimisation_of_the_case_study_is_in_the_series():
    known = {optimization.name for optimization in SERIES}
    assert {target.optimization for target in status.TARGETS} <= known


def test_a_target_is_compared_with_the_commit_below_it(monkeypatch):
    history.ensure(UPSTREAM)
    base = git(UPSTREAM, "rev-parse", "main")
    series = [commit for commit in write_series(UPSTREAM, base) if commit.hash]
    target = next(each for each in status.TARGETS if each.optimization == "defer_asyncio")
    place = [commit.name for commit in series].index("defer_asyncio")
    asked = []

    def note(results, machine, commit, row):
        asked.append(commit)
        return read_case(results, machine, commit, row)

    monkeypatch.setattr(status, "read_case", note)
    (line,) = status.row_of(target, series, series[place - 1].hash, "10 of 10")
    assert asked == [series[place - 1].hash, series[place].hash]
    assert series[place].hash[:8] in line and "10 of 10" in line


def test_a_target_without_a_commit_says_so():
    target = status.Target("something", "a claim", "nonesuch")
    assert "not yet" in status.row_of(target, [], "0" * 40, "0 of 10")[0]
