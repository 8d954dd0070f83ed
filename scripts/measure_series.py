"""Measure the newest release and the series on it, as far as a machine has not: for update."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.bench import COUNTS, claims, commits_of, measure, series
from scripts.discovery import Benchmark, known_benchmarks
from scripts.errors import Failure
from scripts.files import write_text
from scripts.git_command import git
from scripts.measure_history import require_room
from scripts.measured import chosen, measured_benchmarks
from scripts.paths import RESULTS, UPSTREAM

# In a machine's folder, while commits are measured together: which, and with what.
UNFINISHED = ".unfinished"
EVERYTHING = "."


@dataclass(frozen=True)
class Together:
    """What is measured in one interleaved run: times are compared within one.

    Attributes
    ----------
    commits : tuple of str
        Hashes.
    benchmarks : str
        Regular expression of asv's names of cases.
    """

    commits: tuple[str, ...]
    benchmarks: str


def wanted(only: str | None = None) -> list[Together]:
    """Return all that is to be known of the newest release, the control and the series.

    Parameters
    ----------
    only : str, optional
        Regular expression of cases; all, and what each commit claims to move, if not given.
    """
    commits = series()
    head = (*commits_of(["main"]), *dict.fromkeys((commits[0], commits[-1])))
    between = tuple(commits[1:-1])
    if only:
        runs = [Together(head, only), Together(between, only)]
    else:
        runs = [Together(head, EVERYTHING)]
        runs += [Together(tuple(claiming), claimed) for claiming, claimed in claims()]
        runs += [Together(between, COUNTS)]
    return [run for run in runs if run.commits]


def asked(run: Together, benchmarks: Sequence[Benchmark]) -> list[Benchmark]:
    """Return the benchmarks of a run that can be measured here, with the cases it asks for."""
    found = chosen(benchmarks, run.benchmarks)
    if shutil.which("valgrind") is None:
        # Skipped where there is none, each time; doctor says so.
        found = [each for each in found if not each.name.startswith("instructions.")]
    return found


def left(
    runs: Sequence[Together],
    benchmarks: Sequence[Benchmark],
    measured: Callable[[str, Sequence[Benchmark]], set[str]],
) -> Iterator[Together]:
    """Yield what is still to be measured, one run at a time, and look again after each.

    Parameters
    ----------
    runs : sequence of Together
        What is wanted.
    benchmarks : sequence of Benchmark
        All there are.
    measured : callable
        Takes a commit and benchmarks, and returns the names of those that it has results of.

    Yields
    ------
    Together
        A run with the benchmarks that one of its commits, or more, lacks.
    """
    for run in runs:
        wanted_here = asked(run, benchmarks)
        names = {each.name for each in wanted_here}
        everywhere = names.intersection(*(measured(each, wanted_here) for each in run.commits))
        missing = names - everywhere
        if missing:
            yield run if missing == names else Together(run.commits, part_of(run, missing))


def part_of(run: Together, names: set[str]) -> str:
    """Return a regular expression of the cases of a run that are some benchmarks'."""
    of_these = rf"^(?=({'|'.join(map(re.escape, sorted(names)))})(\(|$))"
    both = of_these if run.benchmarks == EVERYTHING else rf"{of_these}(?=.*?(?:{run.benchmarks}))"
    # What begins with flags, (?i), can't stand within another: a little more is measured then.
    return both if is_expression(both) else of_these


def is_expression(text: str) -> bool:
    """Tell whether a text is a regular expression."""
    try:
        re.compile(text)
    except re.error:
        return False
    return True


def unfinished(mark: Path, upstream: Path) -> list[Together]:
    """Return the run that somebody stopped, of the commits that still exist: one, or none."""
    if not mark.exists():
        return []
    try:
        read = json.loads(mark.read_text(encoding="utf-8"))
        commits, benchmarks = list(map(str, read["commits"])), str(read["benchmarks"])
        re.compile(benchmarks)
    except (ValueError, TypeError, KeyError, re.error):
        raise Failure(
            f"{mark.parent.name}/{mark.name} is damaged; remove it and the files of the commits "
            "that were measured last"
        ) from None
    reachable = set(git(upstream, "rev-list", "--branches", "--tags").split())
    exist = tuple(commit for commit in commits if commit in reachable)
    return [Together(exist, benchmarks)] if exist else []


def measure_together(name: str, run: Together) -> None:
    """Measure a run, and note while it lasts that it is not whole."""
    mark = RESULTS / name / UNFINISHED
    require_room()
    # Of an interleaved run that is stopped, each commit has results, of a round or two.
    write_text(mark, json.dumps(asdict(run)))
    options = ["--machine", name, "--interleave-rounds", "--bench", run.benchmarks]
    measure(run.commits, *options, may_fail=True)
    # On a full disk benchmarks fail, and what they would have given is still to be measured.
    require_room()
    mark.unlink()


def measure_left(name: str, only: str | None = None) -> list[str]:
    """Measure the newest release, the control and the series where this machine has not.

    Parameters
    ----------
    name : str
        The machine's.
    only : str, optional
        Regular expression of cases; all if not given.

    Returns
    -------
    list of str
        The commits that lacked results, or rounds of them.
    """
    benchmarks = known_benchmarks()
    if not benchmarks:
        raise Failure("asv finds no benchmarks; asv check tells why")

    def results(commit: str, asked_for: Sequence[Benchmark]) -> set[str]:
        return measured_benchmarks(RESULTS, name, commit, asked_for, benchmarks)

    mark = RESULTS / name / UNFINISHED
    new: dict[str, None] = {}
    # Benchmarks that were removed since are not to be measured any more.
    stopped = [run for run in unfinished(mark, UPSTREAM) if asked(run, benchmarks)]
    for run in itertools.chain(stopped, left(wanted(only), benchmarks, results)):
        measure_together(name, run)
        new |= dict.fromkeys(run.commits)
    # Of commits that are no more.
    mark.unlink(missing_ok=True)
    return list(new)
