"""The benchmarks of this suite: what asv knows of each, and what each declares besides."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mfbench.foundation.errors import Failure
from mfbench.foundation.paths import ROOT
from mfbench.results.reader import Case


@dataclass(frozen=True)
class Benchmark:
    """One benchmark, and what it declares (see `benchmarks/support/declarations.py`)."""

    name: str
    type: str
    unit: str
    version: str
    rounds: int = 1  # how many processes sample it
    parameters: tuple[tuple[str, ...], ...] = ()  # the values of each, texts in quotes
    parameter_names: tuple[str, ...] = ()
    witness: str | None = None
    answer: str | None = None
    throughput: bool = False
    quick: bool | tuple[str, ...] = False
    profile: str = "default"
    runs_metaflow: bool = True
    covers: tuple[str, ...] = ()

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Benchmark:
        """Read asv's description of a benchmark."""
        names = {each.name for each in fields(cls)}
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in description.items()
            if name in names
        }
        values = tuple(map(tuple, description["params"]))
        return cls(**known, parameters=values, parameter_names=tuple(description["param_names"]))

    @property
    def repeats(self) -> bool:
        """Whether measuring once is enough: what is counted hardly varies, what is timed does."""
        return self.type == "track" and self.unit not in ("seconds", "microseconds")

    def cases(self) -> list[Case]:
        """Return its cases in asv's order."""
        chosen = itertools.product(*self.parameters)
        return [Case(self.name, tuple(each.strip("'") for each in values)) for values in chosen]

    def witness_of(self, case: Case) -> Case | None:
        """Return the case that counts its instructions, if one is declared; it need not exist."""
        return self._filled(self.witness, case)

    def answer_of(self, case: Case) -> Case | None:
        """Return the case that checks a timed one's answer, if one is declared."""
        return self._filled(self.answer, case)

    def _filled(self, declared: str | None, case: Case) -> Case | None:
        # Results of an older version may have other parameters.
        if declared is None or len(case.parameters) != len(self.parameter_names):
            return None
        values = dict(zip(self.parameter_names, case.parameters))
        return Case.parse(declared.format(**values), one_value=True)

    def bytes_of(self, case: Case) -> int | None:
        """Return how many bytes a case handles, as its payload's name says; None if none does."""
        sizes = map(size_in_name, case.parameters if self.throughput else ())
        return next(filter(None, sizes), None)

    def is_quick(self, case: Case) -> bool:
        """Tell whether the quick profile measures a case."""
        if isinstance(self.quick, tuple):
            return not {*case.parameters, ", ".join(case.parameters)}.isdisjoint(self.quick)
        return self.quick


def size_in_name(payload: str) -> int | None:
    """Return how many bytes a payload's name says that it has: "float64-8MB" has 8,000,000."""
    found = re.search(r"(?<![\d.])(\d+)(B|KB|MB)$", payload)
    return int(found[1]) * {"B": 1, "KB": 1000, "MB": 1_000_000}[found[2]] if found else None


def read_benchmarks(results: Path) -> dict[str, Benchmark]:
    """Read the benchmarks, by name, that asv described in a folder of results."""
    path = results / "benchmarks.json"
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return {name: Benchmark.of(each) for name, each in read.items() if name != "version"}
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as problem:
        what_to_do = "asv run --bench just-discover writes it anew"
        raise Failure(f"{path.name} is missing or damaged ({problem!r}); {what_to_do}") from None


def discover(folder: Path = ROOT / "benchmarks") -> dict[str, Benchmark]:
    """Ask asv_runner for the benchmarks as they are now, by name. Takes about a second."""
    command = [sys.executable, "-m", "mfbench.results.discovery", str(folder)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if finished.returncode:
        said = finished.stderr.strip() or f"importing {folder.name}/ exited Python; remove the exit"
        raise Failure(said.splitlines()[-1])
    found = json.loads(finished.stdout.splitlines()[-1])
    return {each["name"]: Benchmark.of(each) for each in found}
