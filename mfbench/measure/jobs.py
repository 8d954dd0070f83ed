"""One call of asv: what it measures, how long that takes, and how to run it."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mfbench.asv_plugin import THIS_PYTHON
from mfbench.foundation.errors import Failure
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.measure.asv_command import asv
from mfbench.measure.selection import Benchmarks, is_repeating, pattern_of_cases
from mfbench.results.reader import Case, read_side

# The commits, by full hash, at which each case is needed.
Needed = Mapping[Case, Sequence[str]]
# On a full disk, asv can't install a commit and every benchmark that writes fails.
ROOM = 1024**3
# What asv takes to install a commit and to prepare its benchmarks.
SECONDS_TO_PREPARE = 5.0


@dataclass(frozen=True)
class Request:
    """What a person asks for: a machine's results of these cases with a Python, and no others.

    `rounds` is None for as many samples as usual. `smoke` means one sample of each case, and that
    a benchmark that fails is an error. `options` choose asv's environments, not `python`, if any.
    """

    machine: str
    benchmarks: Benchmarks
    cases: frozenset[Case]
    rounds: int | None = None
    smoke: bool = False
    python: str = THIS_PYTHON
    results: Path = RESULTS
    upstream: Path = UPSTREAM
    options: tuple[str, ...] = ()

    @cached_property
    def durations(self) -> dict[Case, float]:
        """Seconds that a round of a case took, on this machine if it is known, else on another.

        Of each machine, only the largest file of results is read.
        """
        found: dict[Case, float] = {}
        machines = self.results.glob("*/")
        for folder in sorted(machines, key=lambda folder: folder.name == self.machine):
            # An estimate is no reason to stop; whoever reads the results tells of damaged files.
            with suppress(Failure, ValueError):
                largest = max(folder.glob("*-*.json"), key=lambda path: path.stat().st_size)
                cases = read_side(largest, folder.name).cases
                known = {case: each for case, each in cases.items() if each.is_known}
                shares = Counter(case.benchmark for case in known)
                found |= {
                    case: each.seconds / shares[case.benchmark] for case, each in known.items()
                }
        return found


@dataclass(frozen=True)
class Job:
    """What one call of asv measures: each of its cases at each of its commits.

    Cases that are `timed` have samples: as many as `rounds` says, or as their benchmark declares if
    it is None.
    """

    title: str
    needed: Needed
    timed: bool
    rounds: int | None = None

    @property
    def cases(self) -> list[Case]:
        """All of its cases."""
        return list(self.needed)

    @property
    def commits(self) -> list[str]:
        """The commits at which any of its cases is needed."""
        return list(dict.fromkeys(commit for commits in self.needed.values() for commit in commits))

    def rounds_of(self, case: Case, benchmarks: Benchmarks) -> int:
        """Return how many samples of a case it takes."""
        return (self.rounds or benchmarks[case.benchmark].rounds) if self.timed else 1


def jobs_for(title: str, needed: Needed, request: Request, rounds: int | None = None) -> list[Job]:
    """Return the jobs that measure what is needed and requested: first times, then what repeats."""
    jobs = []
    for timed in (True, False):
        cases = {
            case: commits
            for case, commits in needed.items()
            if case in request.cases and is_repeating(request.benchmarks, case) != timed
        }
        if any(cases.values()):
            jobs.append(Job(title, cases, timed, (request.rounds or rounds) if timed else None))
    return jobs


def run_jobs(jobs: Iterable[Job], request: Request) -> list[str]:
    """Measure jobs one after the other, announcing each; return the measured commits."""
    commits: dict[str, None] = {}
    for job in jobs:
        print(f"\n{described(job, request)}\n", flush=True)
        run_job(job, request)
        commits |= dict.fromkeys(job.commits)
    return list(commits)


def run_job(job: Job, request: Request) -> None:
    """Measure a job with asv; times in rounds, in which the commits alternate."""
    require_room()
    options = ["--record-samples", "--show-stderr", "--machine", request.machine]
    options += [*(request.options or ("--python", request.python))]
    options += ["--bench", pattern_of_cases(job.cases)]
    if request.smoke:
        options.append("--quick")
    elif job.timed:
        options += ["--interleave-rounds"] if len(job.commits) > 1 else []
        options += ["--attribute", f"rounds={job.rounds}"] if job.rounds else []
    commits = "\n".join(job.commits)
    asv("run", "HASHFILE:-", *options, stdin=commits, may_fail=not request.smoke)
    files = " ".join(commit[:8] for commit in job.commits)
    require_room(f"remove the files of {files} in results/{request.machine} (all may have failed)")


def require_room(first: str = "") -> None:
    """Stop where a disk is full, saying what else to do before another try."""
    for folder in (Path(tempfile.gettempdir()), RESULTS.parent):
        if shutil.disk_usage(folder).free < ROOM:
            what = ", ".join(filter(None, ["make room", first, "and run again"]))
            raise Failure(f"less than 1 GB is left on the disk of {folder}; {what}")


def described(job: Job, request: Request) -> str:
    """Say what a job measures and how long it takes."""
    cases, commits = _counted(len(job.cases), "case"), _counted(len(job.commits), "commit")
    rounds = f"in {_counted(job.rounds, 'round')}" if job.rounds else "in rounds"
    times = rounds if job.timed else "once"
    return f"{job.title}: {cases} at {commits}, {times}, {time_text([job], request)}"


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def time_text(jobs: Iterable[Job], request: Request) -> str:
    """Say how long jobs take, as far as it is known."""
    seconds = [seconds_of(job, request) for job in jobs]
    if not any(seconds):
        return "time not known yet"
    minutes = max(1, round(sum(seconds) / 60))
    return f"about {minutes} min" if minutes < 100 else f"about {minutes / 60:.1f} h"


def seconds_of(job: Job, request: Request) -> float:
    """Return how long a job takes; 0 if nothing is known of its cases."""
    known = request.durations
    rounds = {case: job.rounds_of(case, request.benchmarks) for case in job.cases if case in known}
    measuring = sum(count * known[case] for case, count in rounds.items())
    return len(job.commits) * (measuring + SECONDS_TO_PREPARE * max(rounds.values(), default=0))
