"""The newest release and the optimisation series on it: what is measured of which commit."""

from __future__ import annotations

from mfbench.foundation.errors import Failure
from mfbench.foundation.mistakes import line_with
from mfbench.measure.jobs import Job, Request, jobs_for
from mfbench.measure.selection import cases_of, counts_of, is_repeating
from mfbench.repository.series import find_commit, read_series
from mfbench.results.reader import Case


def series_jobs(request: Request) -> list[Job]:
    """Return all jobs of the series, as if nothing was measured.

    All cases of main, the control and the last commit. For each topic, in one run, the cases that
    optimisations claim to change, at their commits and the commits below; times at those three,
    too. Counts of instructions of the other commits.
    """
    series = read_series(request.upstream)
    if not series:
        raise Failure("branch optimized holds no optimisation; make them: mfbench optimize apply")
    commits = [find_commit(request.upstream, "main"), *(commit.hash for commit in series)]
    # These three are compared with each other, so none of them is measured without the others.
    ends = [commits[0], commits[1], commits[-1]]
    every, counts = cases_of(request.benchmarks), counts_of(request.benchmarks)
    claimed: dict[Case, set[str]] = {}
    for below, each in zip(commits, series):
        for case in claimed_cases(each.name):
            if case not in every:
                place = line_with(str(case), f"optimizations/{each.name}.py")
                raise Failure(f"{place}: no benchmark has the claimed case {case}; correct it")
            claimed.setdefault(case, set()).update((below, each.hash))
    jobs = jobs_for("main, control and optimized", dict.fromkeys(every, ends), request)
    for topic in dict.fromkeys(case.topic for case in every):
        needed = {}
        for case in every:
            # Counts repeat, and all commits have them.
            if case in claimed and case.topic == topic and case not in counts:
                found = claimed[case]
                # Times that are compared alternate in one job, those of the ends included.
                if not is_repeating(request.benchmarks, case) or not found.isdisjoint(ends):
                    found.update(ends)
                needed[case] = [commit for commit in commits if commit in found]
        jobs += jobs_for(f"claims in {topic}", needed, request)
    others = [commit for commit in commits if commit not in ends]
    return jobs + jobs_for("counts of the other commits", dict.fromkeys(counts, others), request)


def claimed_cases(name: str) -> list[Case]:
    """Return the cases by which an optimisation's claims are decided."""
    from optimizations import SERIES

    claims = [claim for each in SERIES if each.name == name for claim in each.claims]
    return [Case.parse(case) for claim in claims for case in (claim.case, claim.against) if case]
