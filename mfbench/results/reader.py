"""The only reader of asv's result files: what was measured of a commit, case by case."""

from __future__ import annotations

import itertools
import math
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from asv.results import Results
from asv.util import UserError

from mfbench.foundation.errors import Failure

# As many digits as a clock has for what takes a millisecond: the site's data is short, and equal.
DIGITS = 6
# From 2026-11-29 on, results say when their run began; earlier ones, when a benchmark's last round
# did. These are of one run if they are at most so many seconds apart: later, a shared machine may
# be faster or slower.
RUNS_SINCE = 1_795_910_400.0
APART = 45 * 60
# Facts about a machine that change times, so that results are comparable only where they agree.
FACTS = ("machine", "arch", "cpu", "num_cpu", "os")
# What asv raises for a damaged file.
DAMAGES = (
    *(UserError, OSError, ValueError, TypeError, KeyError, AttributeError, IndexError),
    *(OverflowError, RecursionError),
)


@dataclass(frozen=True, order=True)
class Case:
    """One benchmark with one value for each of its parameters, both named as asv does."""

    benchmark: str
    parameters: tuple[str, ...] = ()

    @property
    def topic(self) -> str:
        """The benchmark's module."""
        return self.benchmark.partition(".")[0]

    def __str__(self) -> str:
        """Return asv's notation: ``topic.Class.method(value, value)``."""
        return self.benchmark + (f"({', '.join(self.parameters)})" if self.parameters else "")

    @classmethod
    def parse(cls, text: str, one_value: bool = False) -> Case:
        """Read asv's notation; with `one_value`, commas do not separate values."""
        benchmark, _, rest = text.replace("'", "").partition("(")
        values = rest.removesuffix(")")
        found = [values] if one_value else values.split(", ")
        return cls(benchmark, tuple(found) if values else ())


@dataclass(frozen=True)
class Measurement:
    """One case at one commit.

    Attributes
    ----------
    value : float
        What asv stored, in seconds or the benchmark's unit; NaN where it was skipped or failed.
    samples : tuple of float
        One value per process, in the order of the rounds; empty where none were recorded.
    version : str
        The benchmark's version.
    began, seconds : float
        When its run began (since 1970; see `RUNS_SINCE`), and how long the benchmark took.
    failed : bool
        Whether it raised an error or ran out of time.
    """

    value: float
    samples: tuple[float, ...] = ()
    version: str = ""
    began: float = 0.0
    seconds: float = 0.0
    failed: bool = False

    @property
    def is_known(self) -> bool:
        """Whether there is a value."""
        return not math.isnan(self.value)

    @property
    def run(self) -> float:
        """When its run began; 0 for all that was measured before `RUNS_SINCE`."""
        return self.began if self.began >= RUNS_SINCE else 0.0

    def same_run(self, other: Measurement) -> bool:
        """Whether both were measured in one run, so that their times may be compared."""
        if self.run or other.run:
            return self.run == other.run
        return abs(self.began - other.began) <= APART or not (self.began and other.began)


@dataclass(frozen=True)
class Side:
    """All that was measured of one commit in one environment.

    Attributes
    ----------
    name : str
        What a person calls the commit.
    commit : str
        Its full hash.
    environment : str
        asv's name of the environment.
    circumstances : mapping of str to str
        Facts about the machine, Python's version and that of each requirement.
    cases : mapping of Case to Measurement
        Everything that was measured, skipped or has failed.
    date : float
        When the commit was made, in seconds since 1970.
    """

    name: str
    commit: str
    environment: str
    circumstances: Mapping[str, str]
    cases: Mapping[Case, Measurement]
    date: float = 0.0


def names_of(folder: Path, commit: str = "", python: str = "") -> list[str]:
    """Return the names of a machine's files of results: of one commit, of one Python, or of all."""
    # Not glob: it takes ten times as long where there are ten thousand files.
    every = [each.name for each in os.scandir(folder)] if folder.is_dir() else []
    begins, holds = commit and f"{commit[:8]}-", f"-py{python}-" if python else "-"
    found = [each for each in every if each.startswith(begins) and each.endswith(".json")]
    return sorted(each for each in found if holds in each)


def files_of(folder: Path, commit: str = "", python: str = "") -> list[Path]:
    """Return a machine's files of results: of one commit, of one Python, or of all."""
    return [folder / name for name in names_of(folder, commit, python)]


def pythons_of(folder: Path) -> list[str]:
    """Return a machine's Pythons, first the one with the most results, the newest of equals."""
    found = re.findall(r"-py(\d+\.\d+)-", "\n".join(names_of(folder)))
    return [python for python, _ in Counter(sorted(found, reverse=True)).most_common()]


def read_sides(results: Path, machine: str, name: str, commit: str, python: str = "") -> list[Side]:
    """Read what a machine measured of a commit with a Python: one side for each environment.

    The last measured comes first. The default is the Python with the most results of the machine.
    """
    python = python or next(iter(pythons_of(results / machine)), "")
    sides = [read_side(path, name) for path in files_of(results / machine, commit, python)]
    return sorted(sides, key=last_began, reverse=True)


def last_began(side: Side) -> float:
    """Return when the last run of a side began; 0 if that is not known."""
    return max((each.began for each in side.cases.values()), default=0.0)


def read_side(path: Path, name: str) -> Side:
    """Read one file of results; raise Failure where it is damaged."""
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
    date = result.date / 1000
    return Side(name, result.commit_hash, result.env_name, circumstances, cases, date)


def measurements_of(result: Results, benchmark: str) -> Iterator[tuple[Case, Measurement]]:
    """Yield the cases of one benchmark."""
    parameters = result.get_result_params(benchmark)
    values = result.get_result_value(benchmark, parameters)
    samples = result.get_result_samples(benchmark, parameters)
    began = (result.started_at.get(benchmark) or 0) / 1000
    seconds = _number(result.duration.get(benchmark) or 0)
    version = str(result.benchmark_version.get(benchmark))
    for place, chosen in enumerate(itertools.product(*parameters)):
        # asv trims what is missing at the end.
        value = values[place] if place < len(values) else None
        kept = samples[place] if place < len(samples) else None
        case = Case(benchmark, tuple(each.strip("'") for each in chosen))
        number = math.nan if value is None else _number(value)
        times = tuple(map(rounded, kept or ()))
        if not all(map(math.isfinite, times)) or math.isinf(number):
            raise ValueError(f"{case} has a number that can't be")
        yield case, Measurement(number, times, version, began, seconds, value is None)


def _number(value: object) -> float:
    # float() would take a text, too.
    if not isinstance(value, int | float):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def rounded(number: float) -> float:
    """Return a number in `DIGITS` significant digits."""
    return float(f"{number:.{DIGITS}g}")
