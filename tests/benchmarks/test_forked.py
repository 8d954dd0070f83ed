"""What is counted of tasks: their own work, whether they were forked or started."""

import pytest

from benchmarks.forked import counts_of_tasks


def log(process, parent, count):
    counted = f"=={process}== I   refs:      {count:,}\n" if count else ""
    return f"=={process}== Command: python\n=={process}== Parent PID: {parent}\n{counted}"


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
