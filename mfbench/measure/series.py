"""The newest release and the optimisation series on it: what is measured of which commit."""

from __future__ import annotations

from mfbench.foundation.errors import Failure
from mfbench.measure.jobs import Job, Request, jobs_for, run_jobs
from mfbench.measure.selection import cases_of, counts_of
from mfbench.repository.series import commits_without_results, find_commit, read_series
from mfbench.results.reader import Case


def series_jobs(request: Request) -> list[Job]:
    """Return all jobs of the series, as if nothing was measured.

    All cases of main, the control and the last commit. For each topic, in one run, the cases that
    optimisations claim to change, at their commits and the commits below. Counts of instructions of
    the other commits.
    """
    series = read_series(request.upstream)
    if not series:
        raise Failure("branch optimized holds no optimisation; make them: mfbench optimize apply")
    commits = [find_commit(request.upstream, "main"), *(commit.hash for commit in series)]
    # These three are compared with each other, so none of them is measured without the others.
    ends = [commits[0], commits[1], commits[-1]]
    claimed: dict[Case, set[str]] = {}
    for below, each in zip(commits, series):
        for case in claimed_cases(each.name):
            claimed.setdefault(case, set()).update((below, each.hash))
    every, counts = cases_of(request.benchmarks), counts_of(request.benchmarks)
    jobs = jobs_for("main, control and optimized", dict.fromkeys(every, ends), request)
    for topic in dict.fromkeys(case.topic for case in every):
        needed = {}
        for case in every:
            # Counts repeat, and all commits have them.
            if case in claimed and case.topic == topic and case not in counts:
                found = claimed[case]
                found |= set() if found.isdisjoint(ends) else set(ends)
                needed[case] = [commit for commit in commits if commit in found]
        jobs += jobs_for(f"claims in {topic}", needed, request)
    others = [commit for commit in commits if commit not in ends]
    return jobs + jobs_for("counts of the other commits", dict.fromkeys(counts, others), request)


def claimed_cases(name: str) -> list[Case]:
    """Return the cases by which an optimisation's claims are decided."""
    from optimizations import SERIES

    claims = [claim for each in SERIES if each.name == name for claim in each.claims]
    return [Case.parse(case) for claim in claims for case in (claim.case, claim.against) if case]


def count_unmeasured(request: Request) -> None:
    """Count the instructions of the commits of the series that nobody has measured.

    The site is published only if each commit of the series has results.
    """
    commits = [each.hash for each in commits_without_results(request.upstream, request.results)]
    if commits:
        needed = dict.fromkeys(counts_of(request.benchmarks), commits)
        run_jobs([Job("commits of the series without results", needed, timed=False)], request)
