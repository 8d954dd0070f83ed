"""What is counted of tasks: their own work, whether they were forked or started."""

import runpy

import pytest

from benchmarks.forked import counts_of_tasks
from benchmarks.support.processes import PROGRAMS


def log(process, parent, count, command="python"):
    counted = f"=={process}== I   refs:      {count:,}\n" if count else ""
    return f"=={process}== Command: {command}\n=={process}== Parent PID: {parent}\n{counted}"


@pytest.mark.parametrize(
    "processes",
    [
        # (process, its parent, what it counted)
        [(11, 1, 1_000_050), (12, 11, None), (13, 1, 1_000_070)],
        # Forked from 21, by way of 22 and 24.
        [
            (21, 1, 2_009),
            (22, 21, 2_000),
            (23, 22, 1_002_050),
            (24, 21, 2_005),
            (25, 24, 1_002_075),
        ],
    ],
)
def test_a_task_counts_from_where_it_began(tmp_path, processes):
    for process, *others in processes:
        (tmp_path / str(process)).write_text(log(process, *others))
    assert sorted(counts_of_tasks(tmp_path)) == [1_000_050, 1_000_070]


@pytest.mark.parametrize(
    ("processes", "expected"),
    [
        # (process, its parent, what it counted, its command)
        (
            [(10, 1, 9_000, "run"), (11, 10, None, "git"), (12, 10, 500, "step"), (13, 12, None)],
            (9_000, 0, [500]),
        ),
        (
            [(20, 1, 9_000, "run"), (21, 20, 700, "-c"), (22, 21, 600, "-c"), (23, 22, 650, "-c")],
            (9_000, 700, [50]),
        ),
    ],
)
def test_the_parts_of_a_run_are_told_apart(processes, expected):
    parts = runpy.run_path(str(PROGRAMS / "parts_of_a_run.py"))["parts"]
    logs = {str(process): log(process, *others) for process, *others in processes}
    assert parts(logs) == expected
