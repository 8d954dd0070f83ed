"""The benchmarks of this suite, as asv finds them."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from dataclasses import dataclass

from scripts.paths import ROOT

# asv's own discovery, in a process of its own: what it imports changes the environment.
DISCOVER = """
import json, sys
from asv_runner._aux import update_sys_path
from asv_runner.discovery import disc_benchmarks
update_sys_path(sys.argv[1])
print(json.dumps([
    [each.name, each.params, str(each.version), getattr(each, "rounds", 1)]
    for each in disc_benchmarks(sys.argv[1])
]))
"""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark of this suite, as it is now.

    Attributes
    ----------
    name : str
        asv's name.
    cases : tuple of str
        asv's names of its cases, parameters included.
    version : str
        Results of another are not its own.
    rounds : int
        How many samples a case it asks for.
    """

    name: str
    cases: tuple[str, ...]
    version: str
    rounds: int


def known_benchmarks() -> list[Benchmark]:
    """Return all benchmarks; none if one is broken."""
    command = [sys.executable, "-c", DISCOVER, str(ROOT / "benchmarks")]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if finished.returncode != 0:
        return []
    return [
        Benchmark(
            name,
            tuple(
                name + (f"({', '.join(values)})" if values else "")
                for values in itertools.product(*parameters)
            ),
            version,
            rounds,
        )
        for name, parameters, version, rounds in json.loads(finished.stdout.splitlines()[-1])
    ]


def known_cases() -> list[str]:
    """Return asv's names of all cases, parameters included; none if a benchmark is broken."""
    return [case for benchmark in known_benchmarks() for case in benchmark.cases]
