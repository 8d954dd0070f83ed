"""Which benchmarks a machine has measured of a commit, wholly and as they are now."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from asv.results import Results

from scripts.discovery import Benchmark
from scripts.measurements import Measurement, Side, read_sides


def chosen(benchmarks: Sequence[Benchmark], pattern: str) -> list[Benchmark]:
    """Return the benchmarks of which a regular expression finds a case, with these cases."""
    found = [
        replace(each, cases=tuple(case for case in each.cases if re.search(pattern, case)))
        for each in benchmarks
    ]
    return [each for each in found if each.cases]


def measured_benchmarks(
    results: Path,
    machine: str,
    commit: str,
    benchmarks: Sequence[Benchmark],
    known: Sequence[Benchmark],
) -> set[str]:
    """Return the names of benchmarks that need not be measured again.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results.
    machine : str
        The machine's name.
    commit : str
        A full hash.
    benchmarks : sequence of Benchmark
        With the cases that are asked for.
    known : sequence of Benchmark
        Those that are measured in the end: that a run was a quick one, any of them may tell.

    Returns
    -------
    set of str
        Names of those whose cases all have a number, or have failed, or are all skipped.
    """
    rounds = {each.name: each.rounds for each in known}
    found = set()
    for side in read_sides(results, machine, commit, commit):
        quick = {
            case
            for case, each in side.cases.items()
            if is_quick(each, rounds.get(case.benchmark, 1))
        }
        found |= {
            each.name for each in benchmarks if is_measured(each, side, after_quick=bool(quick))
        }
    return found


def seconds_of_benchmarks(results: Path, machine: str, commit: str, since: float) -> float:
    """Return what a commit's benchmarks took, and what they prepare once for all samples.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results.
    machine : str
        The machine's name.
    commit : str
        A full hash.
    since : float
        Seconds since 1970: what began before is of another run.

    Returns
    -------
    float
        In seconds.
    """
    taken = 0.0
    for path in (results / machine).glob(f"{commit[:8]}-*.json"):
        of_file = Results.load(str(path))
        began = {name for name, when in of_file.started_at.items() if when and when >= since * 1000}
        # What is prepared has no time: it is of a run that its module is of.
        prepared = {f"<setup_cache {name.partition('.')[0]}" for name in began}
        taken += sum(
            seconds or 0
            for name, seconds in of_file.duration.items()
            if name in began or name.partition(":")[0] in prepared
        )
    return taken


def is_measured(benchmark: Benchmark, side: Side, *, after_quick: bool) -> bool:
    """Tell whether the cases of a benchmark were measured, or skipped for a reason that stays.

    A run of some cases leaves the others as if they were skipped; a quick run skips what takes
    long; and counts are skipped where valgrind is missing.

    Parameters
    ----------
    benchmark : Benchmark
        With the cases that are asked for.
    side : Side
        What was measured of a commit.
    after_quick : bool
        Whether a quick run has left results in it.
    """
    whole = {str(case): each for case, each in side.cases.items()}
    # A side's cases have no quotes.
    asked = [whole.get(case.replace("'", "")) for case in benchmark.cases]
    if any(each is None or each.version != benchmark.version for each in asked):
        return False
    if any(is_quick(each, benchmark.rounds) for each in asked if each):
        return False
    if not any(is_skipped(each) for each in asked if each):
        return True
    others = [each for case, each in side.cases.items() if case.benchmark == benchmark.name]
    may_pass = after_quick or benchmark.name.startswith("instructions.")
    return not may_pass and all(map(is_skipped, others))


def is_skipped(measured: Measurement) -> bool:
    """Tell whether a case has no number, and has not failed."""
    return math.isnan(measured.value) and not measured.failed


def is_quick(measured: Measurement, rounds: int) -> bool:
    """Tell whether a case has one sample where it asks for more."""
    return len(measured.samples) == 1 < rounds
