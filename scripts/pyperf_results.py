"""What ``scripts.startup`` has measured: pyperf's files, and what they say of two commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pyperf

from scripts.errors import Failure
from scripts.files import replaced
from scripts.intervals import FEWEST_SAMPLES, ratio_interval
from scripts.side_environments import COMMANDS

# The command that does the same on both sides.
CONTROL = "python"


@dataclass(frozen=True)
class Finding:
    """One command at two commits, in rounds that measured both.

    Attributes
    ----------
    command : str
        Its name.
    before, after : float
        Medians over processes, in seconds.
    ratio : float
        before / after: above 1, after is faster.
    low, high : float or None
        The ratio's 95% interval; None where there are too few processes for one.
    """

    command: str
    before: float
    after: float
    ratio: float
    low: float | None
    high: float | None


def path_of(folder: Path, commit: str) -> Path:
    """Return the file of a commit.

    Parameters
    ----------
    folder : pathlib.Path
        Of the files.
    commit : str
        A hash, full or its first 8 digits.

    Returns
    -------
    pathlib.Path
        Its name has no dash: what has one in ``results/`` is taken for results of asv.
    """
    return folder / f"{commit[:8]}.json"


def stored(path: Path) -> pyperf.BenchmarkSuite | None:
    """Return what a file holds.

    Parameters
    ----------
    path : pathlib.Path
        As pyperf writes it.

    Returns
    -------
    pyperf.BenchmarkSuite or None
        None where there is no file.

    Raises
    ------
    Failure
        Where it is something else.
    """
    try:
        return pyperf.BenchmarkSuite.load(str(path)) if path.exists() else None
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise Failure(f"{path} is no file of pyperf ({problem}); move it away") from None


def store(path: Path, runs: Sequence[pyperf.Run]) -> None:
    """Add runs to a file of pyperf, which is replaced whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        Made if missing.
    runs : sequence of pyperf.Run
        Of any commands; their metadata has the ``name``.

    Raises
    ------
    Failure
        Where the file holds what can't be compared with these: of another Python or machine.
    """
    suite = stored(path)
    for each in runs:
        benchmark = pyperf.Benchmark([each])
        try:
            if suite is None:
                suite = pyperf.BenchmarkSuite([benchmark])
            else:
                suite.add_runs(benchmark)
        except ValueError as problem:
            raise Failure(
                f"{path} is of another machine or Python ({problem}); move it away"
            ) from None
    if suite is not None:
        with replaced(path) as beside:
            suite.dump(str(beside), replace=True)


def values_by_sitting(suite: pyperf.BenchmarkSuite | None, name: str) -> dict[str, list[float]]:
    """Return the values of one command, in seconds, by the sitting that they were measured in."""
    found: dict[str, list[float]] = {}
    if suite is not None and name in suite.get_benchmark_names():
        for each in suite.get_benchmark(name).get_runs():
            sitting = each.get_metadata().get("sitting", "")
            found.setdefault(sitting, []).extend(each.values)
    return found


def findings(folder: Path, before: str, after: str) -> list[Finding]:
    """Compare two commits by what was measured of both together.

    Parameters
    ----------
    folder : pathlib.Path
        Of the files, such as ``results/pyperf``.
    before, after : str
        Hashes, full or their first 8 digits.

    Returns
    -------
    list of Finding
        One a command, in the order of `COMMANDS`; empty where they were never measured together.

    Raises
    ------
    Failure
        Where a file is no file of pyperf.
    """
    return [
        compared(name, *samples) for name, samples in timed_together(folder, before, after).items()
    ]


def timed_together(
    folder: Path, before: str, after: str
) -> dict[str, tuple[list[float], list[float]]]:
    """Return the values of both commits by command, in seconds; parameters as in `findings`."""
    suites = [stored(path_of(folder, commit)) for commit in (before, after)]
    found = {}
    for name in COMMANDS:
        old, new = (values_by_sitting(suite, name) for suite in suites)
        # A machine is not the same on another day: only what alternated is compared.
        shared = [sitting for sitting in old if sitting in new]
        if shared:
            before_values, after_values = (
                [value for sitting in shared for value in side[sitting]] for side in (old, new)
            )
            found[name] = (before_values, after_values)
    return found


def compared(name: str, before: Sequence[float], after: Sequence[float]) -> Finding:
    """Return medians, their ratio and the interval that `ratio_interval` gives it."""
    old, new = median(before), median(after)
    if min(len(before), len(after)) < FEWEST_SAMPLES:
        return Finding(name, old, new, old / new, None, None)
    interval = ratio_interval(before, after)
    return Finding(name, old, new, old / new, interval.low, interval.high)
