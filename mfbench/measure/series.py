"""Which cases are measured at which commit: the newest release and the optimisations."""

from __future__ import annotations

import time
from collections.abc import Iterable

from mfbench.foundation.errors import Failure
from mfbench.foundation.mistakes import line_with
from mfbench.measure.jobs import Job, Request, jobs_for
from mfbench.measure.selection import cases_of, counts_of, is_repeating
from mfbench.repository.control import control_of
from mfbench.repository.series import SeriesCommit, find_commit, read_pulls, read_series
from mfbench.results.reader import Case, files_of, read_side

# So many seconds after its begin, a series that was interrupted may be continued.
CONTINUED = 3 * 3600


def series_jobs(request: Request) -> list[Job]:
    """Return all jobs of the series, as if nothing was measured.

    Each claimed case at the optimisation's own commit and at the commit below; its headline also at
    its commit of branch optimized and at the commit below that. All cases of main, the control and
    branch optimized; counts of instructions of its other commits.
    """
    series, pulls = read_series(request.upstream), read_pulls(request.upstream)
    if not series:
        raise Failure("branch optimized holds no optimisation; make them: mfbench optimize apply")
    main = find_commit(request.upstream, "main")
    # These three are compared with each other, so none of them is measured without the others.
    in_full = [main, control_of(request.upstream, main), series[-1].hash]
    every = cases_of(request.benchmarks)
    claimed: dict[Case, dict[str, None]] = {}
    for commit, case in _claims(pulls, series):
        if case not in every:
            place = line_with(str(case), f"optimizations/{commit.name}.py")
            raise Failure(f"{place}: no benchmark has the claimed case {case}; correct it")
        claimed.setdefault(case, {}).update(dict.fromkeys((commit.below, commit.hash)))
    for case, commits in claimed.items():
        # Compared times alternate in one job, also those of main, the control and optimized.
        if not is_repeating(request.benchmarks, case) or not set(in_full).isdisjoint(commits):
            claimed[case] = dict.fromkeys((*in_full, *commits))
    others = {case: in_full for case in every if not set(in_full) <= set(claimed.get(case, ()))}
    jobs = jobs_for("main, control and optimized", others, request)
    for topic in dict.fromkeys(case.topic for case in every):
        needed = {
            case: list(claimed[case]) for case in every if case.topic == topic and case in claimed
        }
        jobs += jobs_for(f"claims in {topic}", needed, request)
    # The site names the commits of branch optimized whose counts explain a time.
    between = tuple(each.hash for each in series[:-1])
    counts = dict.fromkeys(counts_of(request.benchmarks), between)
    return jobs + jobs_for("counts of the commits between", counts, request)


def begin_of_series(request: Request) -> float | None:
    """Return when the run began that is continued here; None if this one begins anew.

    A series takes an hour, and may be interrupted. It may be continued as one run, because each
    job measures all commits that it compares, in turns; but not if a commit that is not of the
    series, or not any more, has times of that run: these would be compared with later ones.
    """
    main = find_commit(request.upstream, "main")
    commits = {each.hash for read in (read_series, read_pulls) for each in read(request.upstream)}
    commits |= {main, control_of(request.upstream, main)}
    ours: set[float] = set()
    others = {0.0}
    for path in files_of(request.results / request.machine, python=request.python):
        side = read_side(path, "")
        runs = {each.run for each in side.cases.values() if each.samples}
        (ours if side.commit in commits else others).update(runs)
    began = max(ours - others, default=0.0)
    return began if began == max(ours, default=0.0) > time.time() - CONTINUED else None


def _claims(
    pulls: Iterable[SeriesCommit], series: Iterable[SeriesCommit]
) -> Iterable[tuple[SeriesCommit, Case]]:
    for pull in pulls:
        yield from ((pull, case) for case in claimed_cases(pull.name))
    for commit in series:
        yield from ((commit, case) for case in claimed_cases(commit.name, only_headline=True))


def claimed_cases(name: str, only_headline: bool = False) -> list[Case]:
    """Return the cases that an optimisation's claims need, or only its headline's."""
    from optimizations import SERIES

    claims = [claim for each in SERIES if each.name == name for claim in each.claims]
    claims = claims[:1] if only_headline else claims
    return [Case.parse(case) for claim in claims for case in (claim.case, claim.against) if case]
