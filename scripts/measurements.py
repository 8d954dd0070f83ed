"""What was measured of a commit: its cases with their samples, and under which circumstances."""

from __future__ import annotations

import itertools
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asv.results import Results
from asv.util import UserError

from scripts.errors import Failure

# Of samples.
DIGITS = 6
# Facts about a machine that change times, and so what may be compared with what.
FACTS = ("machine", "arch", "cpu", "num_cpu", "os")


@dataclass(frozen=True, order=True)
class Case:
    """One benchmark at one set of parameters, both as asv writes them."""

    benchmark: str
    parameters: tuple[str, ...] = ()

    @property
    def topic(self) -> str:
        """The module of benchmarks that it belongs to."""
        return self.benchmark.partition(".")[0]

    def __str__(self) -> str:
        """Return asv's own notation."""
        return self.benchmark + (f"({', '.join(self.parameters)})" if self.parameters else "")


@dataclass(frozen=True)
class Measurement:
    """One case at one commit.

    Attributes
    ----------
    value : float
        What asv stored (seconds, or what the benchmark's unit says); NaN where the case was
        skipped or failed.
    samples : tuple of float
        One value a process, in the order of the rounds; empty where none were recorded.
    version : str
        Of the benchmark.
    began : float
        When its last round began, in seconds since 1970.
    seconds : float
        How long its last round took, for all cases of the benchmark together.
    failed : bool
        Whether it was measured and raised an error, or took too long.
    """

    value: float
    samples: tuple[float, ...] = ()
    version: str = ""
    began: float = 0.0
    seconds: float = 0.0
    failed: bool = False


@dataclass(frozen=True)
class Side:
    """One side of a comparison: all that was measured of a commit in one environment.

    Attributes
    ----------
    name : str
        What a person calls the commit.
    commit : str
        Its hash.
    environment : str
        asv's name of the environment.
    circumstances : mapping of str to str
        Facts about the machine, Python's version and that of each requirement.
    cases : mapping of Case to Measurement
        Everything that was measured, skipped or has failed.
    """

    name: str
    commit: str
    environment: str
    circumstances: Mapping[str, str]
    cases: Mapping[Case, Measurement]


def read_sides(results: Path, machine: str, name: str, commit: str) -> list[Side]:
    """Read what a machine measured of a commit, one side for each environment.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results.
    machine : str
        The machine's name.
    name : str
        What a person calls the commit.
    commit : str
        Its full hash.

    Returns
    -------
    list of Side
        Empty where nothing was measured.

    Raises
    ------
    Failure
        Where a file of results is damaged.
    """
    return [
        read_side(path, name) for path in sorted((results / machine).glob(f"{commit[:8]}-*.json"))
    ]


DAMAGES = (UserError, OSError, ValueError, TypeError, KeyError, AttributeError, IndexError)


def read_side(path: Path, name: str) -> Side:
    """Read one file of asv's results as what a person calls it."""
    try:
        return side_of(Results.load(str(path)), name)
    except DAMAGES as problem:
        reason = " ".join(str(problem).split()) or type(problem).__name__
        raise Failure(
            f"{path.parent.name}/{path.name} is damaged ({reason}); restore it with git, "
            "or remove it and measure again"
        ) from None


def side_of(result: Results, name: str) -> Side:
    """Turn asv's results of one commit into a side."""
    cases: dict[Case, Measurement] = {}
    for benchmark in result.get_all_result_keys():
        cases.update(measurements_of(result, benchmark))
    facts = {key: str(value) for key, value in result.params.items() if key in FACTS}
    pins = {str(key): str(value) for key, value in result._requirements.items()}
    circumstances = {**facts, "python": str(result._python), **pins}
    return Side(name, result.commit_hash, result.env_name, circumstances, cases)


def measurements_of(result: Results, benchmark: str) -> Iterator[tuple[Case, Measurement]]:
    """Yield the cases of one benchmark."""
    parameters = result.get_result_params(benchmark)
    values = result.get_result_value(benchmark, parameters)
    samples = result.get_result_samples(benchmark, parameters)
    began = (result.started_at.get(benchmark) or 0) / 1000
    seconds = result.duration.get(benchmark) or 0.0
    version = str(result.benchmark_version.get(benchmark))
    for place, chosen in enumerate(itertools.product(*parameters)):
        value = values[place] if place < len(values) else None
        kept = samples[place] if place < len(samples) else None
        case = Case(benchmark, tuple(each.strip("'") for each in chosen))
        number = math.nan if value is None else float(value)
        times = tuple(map(rounded, kept or ()))
        if not all(map(math.isfinite, times)) or math.isinf(number):
            raise ValueError(f"{case} has a number that can't be")
        yield case, Measurement(number, times, version, began, seconds, value is None)


def rounded(number: float) -> float:
    """Return a number in as many digits as a clock has for what takes a millisecond.

    So the site's data can be short, and hold the same numbers.
    """
    return float(f"{number:.{DIGITS}g}")


def units(results: Path) -> dict[str, str]:
    """Return the unit of each benchmark's values.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results, in which asv describes the benchmarks.

    Returns
    -------
    dict of str to str
        By benchmark; "seconds" for what is timed.
    """
    return {name: str(each.get("unit", "")) for name, each in described(results).items()}


def described(results: Path) -> dict[str, dict[str, Any]]:
    """Return asv's description of each benchmark."""
    path = results / "benchmarks.json"
    anew = "asv run --bench just-discover writes it anew"
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return {name: each for name, each in read.items() if isinstance(each, dict)}
    except FileNotFoundError:
        raise Failure(f"{path.name} is missing, which tells the units; {anew}") from None
    except (ValueError, AttributeError) as problem:
        raise Failure(f"{path.name} is damaged ({problem}); {anew}") from None


def machines_with(results: Path, commits: Sequence[str]) -> list[str]:
    """Return the machines that measured all of some commits, in alphabetical order."""
    return sorted(
        path.parent.name
        for path in results.glob("*/machine.json")
        if all(any(path.parent.glob(f"{commit[:8]}-*.json")) for commit in commits)
    )


def likeliest(results: Path, machines: Sequence[str], this: str) -> str:
    """Return the machine that a person means who names none, and say which of several it is.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results.
    machines : sequence of str
        Those that measured what is asked for, one or more.
    this : str
        What the machine here is called.

    Returns
    -------
    str
        The machine here if it is among them, else the one that measured most commits.
    """
    if this in machines:
        return this
    chosen = fullest(results, machines)
    if others := [name for name in machines if name != chosen]:
        print(f"as {chosen} measured; --machine takes {', '.join(others)}, too", file=sys.stderr)
    return chosen


def fullest(results: Path, machines: Sequence[str]) -> str:
    """Return the machine that measured most commits, of one or more."""
    return max(machines, key=lambda name: len(list((results / name).glob("*-*.json"))))
