"""Changes between two commits that are confirmed: what is counted, and times measured twice."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mfbench.foundation.paths import WATCH_MACHINE
from mfbench.measure.asv_command import one_run
from mfbench.measure.jobs import Request, jobs_for, run_jobs
from mfbench.measure.profiles import PROFILES
from mfbench.measure.selection import timed_cases
from mfbench.repository.control import write_control
from mfbench.results.changes import COUNTED, FAILED, IMPROVEMENT, OPEN, TIMED, Change
from mfbench.results.machines import ensure_machine
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
    """Compare what two commits have in results/, of the cases that match `bench`."""
    base, head = (
        read_sides(request.results, request.machine, *each, request.python)[0]
        for each in zip(names, commits)
    )

    def wanted(case: Case) -> bool:
        return bool(re.search(bench, str(case)))

    return compare(base, head, None, request.benchmarks, wanted)


def counted_changes(step: Comparison, request: Request) -> list[Change]:
    """Return what is counted and has changed, and what fails or gives a wrong answer now."""
    counted = [
        change_of(row, step, request.machine, COUNTED)
        for row in moved_rows(step)
        if is_counted(row.case, request) and not row.failed
    ]
    failed = [change_of(row, step, request.machine, FAILED) for row in step.rows if row.failed]
    return counted + failed


def is_counted(case: Case, request: Request) -> bool:
    """Tell whether one value of a case is enough to judge it by."""
    declared = request.benchmarks.get(case.benchmark)
    return declared is not None and declared.repeats and PEAK_MEMORY not in case.benchmark


def moved_rows(step: Comparison) -> Iterator[Row]:
    """Yield what has changed by more than `MIN_CHANGE`."""
    for row in step.rows:
        if row.verdict in MOVED and distance_from_one(row.ratio or 0) > MIN_CHANGE:
            yield row


def change_of(row: Row, step: Comparison, machine: str, evidence: str) -> Change:
    """Return a row as a change on some machine."""
    measured = step.base.cases[row.case]
    return Change(
        case=str(row.case),
        base=step.base.name,
        head=step.head.name,
        commit=step.head.commit,
        machine=machine,
        environment=step.head.environment,
        version=measured.version,
        unit=row.unit,
        before=measured.value,
        after=None if row.failed else row.after,
        evidence=evidence,
        interval=[row.evidence.low, row.evidence.high] if row.evidence else [],
        state=IMPROVEMENT if row.verdict is Verdict.FASTER else OPEN,
    )


def timed_changes(
    request: Request, names: tuple[str, str], commits: Sequence[str], bench: str
) -> list[Change]:
    """Measure times of two commits and a control in two runs; return what moved in both.

    Under a machine name of its own: else, main would have times of another run than optimized.
    """
    cases = frozenset(
        case for case in timed_cases(request.benchmarks, PROFILE) if re.search(bench, str(case))
    )
    if not cases:
        return []
    alone = replace(request, machine=ensure_machine(WATCH_MACHINE))
    first = timed_step(replace(alone, cases=cases), names, commits)
    moved = {row.case: row.verdict for row in moved_rows(first)}
    if not moved:
        return []
    again = timed_step(replace(alone, cases=frozenset(moved)), names, commits)
    return [
        change_of(row, again, request.machine, TIMED)
        for row in moved_rows(again)
        if row.verdict is moved[row.case]
    ]


def timed_step(request: Request, names: tuple[str, str], commits: Sequence[str]) -> Comparison:
    """Measure the request's times in one run, and compare the commits."""
    base, head = commits
    sides = (base, write_control(request.upstream, base), head)
    jobs = jobs_for(
        "judging times", dict.fromkeys(sorted(request.cases), sides), request, PROFILES[PROFILE]
    )
    with one_run():
        run_jobs(jobs, request)
    return compare_revisions(
        request.results,
        request.upstream,
        names,
        request.machine,
        cases=request.cases,
        commits=commits,
        python=request.python,
    )
