"""Measure every release: its import counted for all, its times for those that many people use.

Start it again after whatever stopped it: what is measured is not measured again, and a release that
can't be built or measured is recorded as such and passed over.
"""

from __future__ import annotations

import argparse
import itertools
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from scripts import history, machine, measure
from scripts.bench import machine_name, minor_releases
from scripts.bench import measure as run_benchmarks
from scripts.discovery import known_benchmarks
from scripts.errors import Failure, run
from scripts.measured import chosen, measured_benchmarks, seconds_of_benchmarks
from scripts.paths import RESULTS, UPSTREAM
from scripts.releases import load
from scripts.series import base_commit

# asv takes two seconds to begin; between batches this tool says what is left.
BATCH = 6
# What asv installs and a benchmark writes; on a full disk every benchmark would seem to fail.
ROOM = 1024**3


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


@dataclass(frozen=True)
class Left:
    """A release that is not wholly measured: its commit, and which benchmarks of a part it lacks.

    It is `new` if it lacks them all.
    """

    commit: str
    benchmarks: frozenset[str]
    new: bool


def left(part: Part, name: str, results: Path, upstream: Path) -> dict[str, Left]:
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
    dict of str to Left
        By release, newest first. One that failed to build has results that say so, and is not left.
    """
    wanted = chosen(known_benchmarks(), part.benchmarks)
    if not wanted:
        raise Failure("asv finds no benchmarks; asv check tells why")
    found = {}
    for version in releases_of(part):
        commit = base_commit(upstream, version)
        measured = measured_benchmarks(results, name, commit, wanted, wanted)
        if missing := frozenset(each.name for each in wanted) - measured:
            found[version] = Left(commit, missing, new=len(missing) == len(wanted))
    return found


def measure_part(part: Part, name: str, releases: dict[str, Left]) -> None:
    """Measure in batches, and say before each how much is left.

    Only what a release lacks is measured: what it has may be of more rounds, beside other commits.

    Parameters
    ----------
    part : Part
        What is measured.
    name : str
        The machine's.
    releases : dict of str to Left
        What is left.
    """
    if releases and part is COUNTS and shutil.which("valgrind") is None:
        raise Failure(
            "counts need valgrind; install it (on Debian: apt-get install valgrind), "
            "or measure without: python -m scripts.measure_history --only times"
        )
    began, done, beside = time.monotonic(), 0, 0.0
    for batch in batches(releases):
        each = (time.monotonic() - began) / done if done else part.seconds
        remaining = timedelta(seconds=round(each * (len(releases) - done)))
        print(
            f"\n{part.name}: {done} of {len(releases)} releases are done, about {remaining} left; "
            f"now {', '.join(batch)}\n",
            flush=True,
        )
        started = time.time()
        require_room()
        names = sorted(releases[batch[0]].benchmarks)
        pattern = rf"^({'|'.join(map(re.escape, names))})(\(|$)"
        options = ["--machine", name, "--bench", pattern]
        options += ["--attribute", f"rounds={part.rounds}"] if part.rounds > 1 else []
        commits = [releases[version].commit for version in batch]
        run_benchmarks(commits, *options, may_fail=True)
        require_room(
            f", remove the files of {' '.join(commits)} below results/{name} (all of them is then "
            "measured anew)"
        )
        done += len(batch)
        beside += time.time() - started
        beside -= sum(seconds_of_benchmarks(RESULTS, name, each, started) for each in commits)
        print(f"\n{part.name}: beside the benchmarks, {beside / done:.1f} s a release", flush=True)


def batches(releases: dict[str, Left]) -> Iterator[list[str]]:
    """Yield a few releases at a time that lack the same."""
    for _, alike in itertools.groupby(releases, lambda version: releases[version].benchmarks):
        versions = list(alike)
        for start in range(0, len(versions), BATCH):
            yield versions[start : start + BATCH]


def require_room(before_starting: str = "") -> None:
    """Stop before a disk is full, or when it was: benchmarks have failed then.

    Parameters
    ----------
    before_starting : str, optional
        What is to be done, beside making room.
    """
    for folder in (Path(tempfile.gettempdir()), RESULTS.parent):
        if shutil.disk_usage(folder).free < ROOM:
            what = f"make room{before_starting}, and start again"
            raise Failure(f"less than 1 GB is left on the disk of {folder}; {what}")


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
        releases = left(part, name, RESULTS, UPSTREAM)
        expected = timedelta(seconds=round(part.seconds * len(releases)))
        print(f"{part.name}: {len(releases)} releases left, about {expected}", flush=True)
        if not arguments.dry_run:
            machine.ensure(arguments.machine)
            measure_part(part, name, releases)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
