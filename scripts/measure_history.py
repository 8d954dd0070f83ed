"""Measure every release: its import counted for all, its times for those that many people use.

Start it again after whatever stopped it: what is measured is not measured again, and a release that
can't be built or measured is recorded as such and passed over.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from scripts import history, machine, measure
from scripts.bench import known_cases, machine_name, minor_releases
from scripts.bench import measure as run_benchmarks
from scripts.errors import run
from scripts.measurements import read_sides
from scripts.paths import RESULTS, UPSTREAM
from scripts.releases import load
from scripts.series import base_commit

# asv takes two seconds to begin; between batches this tool says what is left.
BATCH = 6


@dataclass(frozen=True)
class Part:
    """One part of the work.

    Attributes
    ----------
    name : str
        What it measures.
    benchmarks : str
        Regular expression of asv's names of cases.
    rounds : int
        Samples a case.
    seconds : float
        What a release takes, before it is known better.
    """

    name: str
    benchmarks: str
    rounds: int
    seconds: float


COUNTS = Part("counts", r"^instructions\.|^imports\.Footprint\.", 1, 18)
# Every topic that is metaflow's own, in less than 90 seconds a release.
TIMES = Part("times", rf"{measure.USUAL}|^artifacts\.(Stored|Memory)\.", 3, 70)
PARTS = {part.name: part for part in (COUNTS, TIMES)}


def newest_minor() -> list[str]:
    """Return all releases of the newest minor version, oldest first."""
    versions = [release.version for release in load()]
    newest = versions[-1].split(".")[:2]
    return [version for version in versions if version.split(".")[:2] == newest]


def releases_of(part: Part) -> list[str]:
    """Return the releases that a part is for, newest first: what people ask for most."""
    if part is COUNTS:
        chosen = [release.version for release in load()]
    else:
        chosen = [*minor_releases(), *newest_minor()]
    return chosen[::-1]


def left(part: Part, name: str, results: Path, upstream: Path) -> dict[str, str]:
    """Return what is still to be measured.

    Parameters
    ----------
    part : Part
        Of which part.
    name : str
        The machine's.
    results : pathlib.Path
        The folder of results.
    upstream : pathlib.Path
        The repository under test.

    Returns
    -------
    dict of str to str
        Commits by release. One that failed to build has results that say so, and is not left.
    """
    wanted = {case.partition("(")[0] for case in known_cases() if re.search(part.benchmarks, case)}
    found = {}
    for version in releases_of(part):
        commit = base_commit(upstream, version)
        sides = read_sides(results, name, version, commit)
        measured = {case.benchmark for side in sides for case in side.cases}
        if wanted - measured:
            found[version] = commit
    return found


def measure_part(part: Part, name: str, commits: dict[str, str]) -> None:
    """Measure in batches, and say before each how much is left.

    Parameters
    ----------
    part : Part
        What is measured.
    name : str
        The machine's.
    commits : dict of str to str
        By release.
    """
    todo = list(commits.items())
    began = time.monotonic()
    for start in range(0, len(todo), BATCH):
        batch = todo[start : start + BATCH]
        each = (time.monotonic() - began) / start if start else part.seconds
        remaining = timedelta(seconds=round(each * (len(todo) - start)))
        print(
            f"\n{part.name}: {start} of {len(todo)} releases are done, about {remaining} left; "
            f"now {', '.join(version for version, _ in batch)}\n",
            flush=True,
        )
        options = ["--machine", name, "--bench", part.benchmarks]
        options += ["--attribute", f"rounds={part.rounds}"] if part.rounds > 1 else []
        run_benchmarks([commit for _, commit in batch], *options, may_fail=True)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(
        prog="python -m scripts.measure_history", description=__doc__
    )
    described.add_argument("--only", choices=PARTS, help="one part of the work")
    described.add_argument("--dry-run", action="store_true", help="say what is left, and stop")
    described.add_argument(
        "--machine", metavar="NAME", type=machine_name, help="the name to store results under"
    )
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what is left of each part."""
    arguments = parser().parse_args(argv)
    history.ensure(UPSTREAM)
    name = arguments.machine or machine.ensure()
    parts = [PARTS[arguments.only]] if arguments.only else list(PARTS.values())
    for part in parts:
        commits = left(part, name, RESULTS, UPSTREAM)
        expected = timedelta(seconds=round(part.seconds * len(commits)))
        print(f"{part.name}: {len(commits)} releases left, about {expected}", flush=True)
        if not arguments.dry_run:
            machine.ensure(arguments.machine)
            measure_part(part, name, commits)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
