"""Every release: its import counted for all, its times for those that many people use."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from mfbench.measure.jobs import Job, Request, jobs_for
from mfbench.measure.selection import repeating_cases, timed_cases
from mfbench.repository.releases import minor_of, minor_releases, releases_on_main
from mfbench.repository.series import find_commit

# A release takes minutes even so.
ROUNDS = 3
# Timing these topics takes too long here. The last release of each minor version has their counts.
COUNTED_TOPICS = ("s3runs", "scheduler")


def newer_releases(request: Request) -> list[str]:
    """Return the last release that this machine measured and those after it, oldest first.

    A release that is main itself is left out: it is measured with the series. Empty if the machine
    measured no release. The first one is returned because its measurement may have been stopped
    half way.
    """
    commit_of = partial(find_commit, request.upstream)
    versions = list(releases_on_main(request.upstream))
    if versions and commit_of(versions[-1]) == commit_of("main"):
        versions.pop()
    folder = request.results / request.machine
    for place, version in reversed(list(enumerate(versions))):
        if any(folder.glob(f"{commit_of(version)[:8]}-*.json")):
            return versions[place:]
    return []


def release_jobs(request: Request, versions: Iterable[str] | None = None) -> list[Job]:
    """Return the jobs of some releases, in this order, or of all, newest first.

    Counts of all of them; sizes and times of the last release of each minor version, and of all
    releases of the newest minor version. Only the last releases have counts of `COUNTED_TOPICS`.
    """
    every = list(releases_on_main(request.upstream))
    benchmarks = request.benchmarks
    counts, more = (
        [case for case in repeating_cases(benchmarks, profile) if case.topic != "answers"]
        for profile in ("quick", "default")
    )
    more += timed_cases(benchmarks, "default")
    of_topics = repeating_cases(benchmarks, "thorough", COUNTED_TOPICS)
    last = minor_releases(request.upstream)
    newest = [version for version in every if minor_of(version) == minor_of(last[-1])]
    timed = {*last, *newest}
    jobs: list[Job] = []
    for version in reversed(every) if versions is None else versions:
        commit = find_commit(request.upstream, version)
        cases = [*(more if version in timed else counts), *(of_topics if version in last else ())]
        needed = dict.fromkeys(cases, (commit,))
        jobs += jobs_for(f"release {version}", needed, request, ROUNDS)
    return jobs
