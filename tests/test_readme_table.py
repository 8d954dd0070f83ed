"""README's table is the one that the committed results give."""

import json
import math
import re
import shutil

import pytest

from scripts import history, readme_table
from scripts.errors import Failure
from scripts.git_command import git
from scripts.optimize import commits_without_results
from scripts.paths import RESULTS, UPSTREAM
from scripts.readme_table import BEGIN, END, README, Measured


def test_the_table_still_matches_the_results():
    history.ensure(UPSTREAM)
    if missing := commits_without_results(UPSTREAM, RESULTS):
        pytest.skip(f"the series was changed and not measured since: {missing[0].name}")
    readme = README.read_text(encoding="utf-8")
    made = readme_table.table(RESULTS, readme_table.machine_of_tables(RESULTS, UPSTREAM))
    assert readme_table.replace_table(readme, made) == readme


def test_tables_are_of_the_first_machine_that_measured_the_series(tmp_path):
    history.ensure(UPSTREAM)
    first, second = readme_table.MACHINES
    machine = readme_table.machine_of_tables(RESULTS, UPSTREAM)
    assert readme_table.machine_of_tables(tmp_path, UPSTREAM) == first
    for name in ("main", "optimized"):
        commit = git(UPSTREAM, "rev-parse", name)
        (path,) = (RESULTS / machine).glob(f"{commit[:8]}-*.json")
        for each in (first, second):
            (tmp_path / each).mkdir(exist_ok=True)
            shutil.copy(path, tmp_path / each)
    assert readme_table.machine_of_tables(tmp_path, UPSTREAM) == first
    # The first has measured a few cases only, as make bench does.
    partial = tmp_path / first / path.name
    read = json.loads(partial.read_text())
    values = read["results"]["artifacts.Save.time_save"]
    values[0] = [math.nan] * len(values[0])
    partial.write_text(json.dumps(read))
    assert readme_table.machine_of_tables(tmp_path, UPSTREAM) == second


def test_a_case_is_found_by_its_parameters():
    parameters = [["1", "2", "8"], ["'default'", "'8'"]]
    assert readme_table.index_of(parameters, ["2", "8"]) == 3
    assert readme_table.index_of(parameters, ["3", "8"]) is None
    assert readme_table.index_of([], []) == 0


def test_the_interval_holds_the_ratio_and_repeats():
    before = Measured(2.0, (1.9, 2.0, 2.0, 2.1, 2.2))
    after = Measured(1.0, (0.9, 1.0, 1.0, 1.1, 1.0))
    ratio, low, high = map(float, re.findall(r"[0-9.]+", readme_table.speed_up(before, after)))
    assert ratio == 2
    # No pair of samples has a ratio outside of these.
    assert 1.9 / 1.1 <= low <= ratio <= high <= 2.2 / 0.9 and low < high
    assert readme_table.speed_up(before, after) == readme_table.speed_up(before, after)


def test_without_samples_there_is_no_interval():
    assert readme_table.speed_up(Measured(3.0, ()), Measured(1.5, ())) == "2×"
    assert readme_table.speed_up(Measured(1e8, ()), Measured(1e8 + 9e3, ())) == "1×"


def test_missing_results_are_named(tmp_path):
    history.ensure(UPSTREAM)
    with pytest.raises(Failure, match="has no results"):
        readme_table.table(tmp_path, "reference")


def test_a_machine_without_results_is_named():
    history.ensure(UPSTREAM)
    with pytest.raises(Failure, match=r"machine nonesuch has no results; measured .*reference"):
        readme_table.table(RESULTS, "nonesuch")


def test_a_readme_without_marks_is_left_alone():
    with pytest.raises(Failure, match="mark the table"):
        readme_table.replace_table("no table here", "table")
    assert readme_table.replace_table(BEGIN + "old\n" + END, "new\n") == BEGIN + "new\n" + END
