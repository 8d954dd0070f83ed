"""Changes between two commits that are confirmed: what is counted, and times measured twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mfbench.measure.asv_command import one_run
from mfbench.measure.jobs import Request, jobs_for, run_jobs
from mfbench.measure.profiles import PROFILES
from mfbench.measure.selection import timed_cases
from mfbench.repository.control import write_control
from mfbench.results.changes import IMPROVEMENT, OPEN, TIMED, Change
from mfbench.results.reader import Case, read_sides
from mfbench.verdict.comparison import compare
from mfbench.verdict.revisions import compare_revisions
from mfbench.verdict.rows import Comparison, Row
from mfbench.verdict.verdict import MOVED, Verdict, distance_from_one

# mfbench compare shows smaller changes, too; they are not worth a record.
MIN_CHANGE = 0.02
# Peaks of memory vary without a change of code: they depend on when memory is freed.
PEAK_MEMORY = "_peak_"
PROFILE = "quick"


def compared_counts(
    request: Request, names: Sequence[str], commits: Sequence[str], bench: str
) -> Comparison:
    """Compare what is counted of two commits, of the cases that match `bench`."""
    sides = [
        side
        for each in zip(names, commits)
        for side in read_sides(request.results, request.machine, *each)[:1]
    ]

    def wanted(case: Case) -> bool:
        return is_counted(case, request) and bool(re.search(bench, str(case)))

    return compare(sides[0], sides[1], None, request.benchmarks, wanted)


def is_counted(case: Case, request: Request) -> bool:
    """Tell whether one value of a case is enough to judge it by."""
    declared = request.benchmarks.get(case.benchmark)
    return declared is not None and declared.repeats and PEAK_MEMORY not in case.benchmark


def moved_rows(step: Comparison) -> Iterator[Row]:
    """Yield what has changed by more than `MIN_CHANGE`."""
    for row in step.rows:
        if row.verdict in MOVED and distance_from_one(row.ratio or 0) > MIN_CHANGE and row.before:
            yield row


def change_of(row: Row, step: Comparison, machine: str, evidence: str) -> Change:
    """Return a row as a change."""
    assert row.before is not None and row.after is not None
    return Change(
        case=str(row.case),
        base=step.base.name,
        head=step.head.name,
        commit=step.head.commit,
        machine=machine,
        unit=row.unit,
        before=row.before,
        after=row.after,
        evidence=evidence,
        interval=[row.evidence.low, row.evidence.high] if row.evidence else [],
        state=OPEN if row.verdict is Verdict.SLOWER else IMPROVEMENT,
    )


def timed_changes(
    request: Request, names: tuple[str, str], commits: Sequence[str], bench: str
) -> list[Change]:
    """Measure times of two commits and a control in two runs; return what moved in both."""
    cases = frozenset(
        case for case in timed_cases(request.benchmarks, PROFILE) if re.search(bench, str(case))
    )
    if not cases:
        return []
    first = timed_rows(replace(request, cases=cases), names, commits)
    if not first:
        return []
    again = timed_rows(replace(request, cases=frozenset(first)), names, commits)
    return [
        change_of(row, step, request.machine, TIMED)
        for case, (row, step) in again.items()
        if row.verdict is first[case][0].verdict
    ]


def timed_rows(
    request: Request, names: tuple[str, str], commits: Sequence[str]
) -> dict[Case, tuple[Row, Comparison]]:
    """Measure the request's times in one run; return those that moved by more than `MIN_CHANGE`."""
    base, head = commits
    sides = (base, write_control(request.upstream, base), head)
    jobs = jobs_for(
        "judging times", dict.fromkeys(sorted(request.cases), sides), request, PROFILES[PROFILE]
    )
    with one_run():
        run_jobs(jobs, request)
    step = compare_revisions(
        request.results,
        request.upstream,
        names,
        request.machine,
        cases=request.cases,
        commits=commits,
        python=request.python,
    )
    return {row.case: (row, step) for row in moved_rows(step)}
