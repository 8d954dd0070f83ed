"""What a machine still has to measure, according to its result files.

asv's own --skip-existing leaves out too much: a benchmark of which one case was measured, a quick
run of one sample, and an interleaved run that was stopped half way.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace

from mfbench.measure.jobs import Job, Request
from mfbench.measure.profiles import LARGE
from mfbench.measure.selection import Benchmarks, is_count
from mfbench.results.reader import Case, Side, read_sides


def missing_jobs(jobs: Iterable[Job], request: Request) -> Iterator[Job]:
    """Yield what is left of each job; look again after each.

    A case that one commit lacks is measured at all that need it: times are comparable within a run.
    """
    for job in jobs:
        sides = {commit: last_side(request, commit) for commit in job.commits}
        needed = {
            case: commits
            for case, commits in job.needed.items()
            if any(is_missing(case, sides[commit], job, request.benchmarks) for commit in commits)
        }
        if needed:
            yield replace(job, needed=needed)


def last_side(request: Request, commit: str) -> Side | None:
    """Return the results of a commit's last measured environment: that one is shown."""
    sides = read_sides(request.results, request.machine, commit, commit, request.python)
    return next(iter(sides), None)


def is_missing(case: Case, side: Side | None, job: Job, benchmarks: Benchmarks) -> bool:
    """Tell whether a job has to measure a case, given the last results of a commit.

    Results of another version of the benchmark do not count, nor do fewer samples than the job
    takes. What failed was measured; so were skipped cases, if the benchmark skipped all of them (an
    old release may lack what it measures).
    """
    if is_count(benchmarks, case) and shutil.which("valgrind") is None:
        return False
    return side is None or not _is_measured(case, side, job, benchmarks)


def _is_measured(case: Case, side: Side, job: Job, benchmarks: Benchmarks) -> bool:
    found = side.cases.get(case)
    if found is None or found.version != benchmarks[case.benchmark].version:
        return False
    if found.failed:
        return True
    if found.is_known:
        rounds = job.rounds_of(case, benchmarks)
        return rounds == 1 or len(found.samples) >= rounds
    # Without valgrind nothing is counted; a quick run skips what takes long, and most runs what is
    # large.
    may_pass = is_count(benchmarks, case) or _is_quick(side, benchmarks)
    may_pass |= benchmarks[case.benchmark].profile == LARGE
    alike = (each for name, each in side.cases.items() if name.benchmark == case.benchmark)
    return not may_pass and not any(each.is_known or each.failed for each in alike)


def _is_quick(side: Side, benchmarks: Benchmarks) -> bool:
    """Tell whether some results are of ``asv run --quick``, which takes one sample of each case."""
    return any(
        len(found.samples) == 1 < benchmarks[case.benchmark].rounds
        for case, found in side.cases.items()
        if case.benchmark in benchmarks
    )
