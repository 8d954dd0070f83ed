"""What is wrong in results/ and records/, so that nothing is built on a damaged file."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
from asv.results import Results

from mfbench.foundation.errors import Failure
from mfbench.foundation.files import read_object
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import IGNORED_MACHINES, RESULTS, SAFE_NAME, UPSTREAM
from mfbench.repository.build import is_clone, require
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.changes import read_changes
from mfbench.results.reader import DAMAGES, side_of
from mfbench.results.records import read_imports
from mfbench.results.startup_times import read_suite

MACHINE = "machine.json"
# Beside results/: import trees; and pyperf's files, by machine and pair of commits.
IMPORTS = "records/imports/*.json"
PYPERF = "records/pyperf/*/*/*.json"
A_DAY = 24 * 60 * 60


class Fault(NamedTuple):
    """A file that can't be used, and why; `is_superseded` if no branch or tag has its commit."""

    path: Path
    text: str
    is_superseded: bool = False

    def __str__(self) -> str:
        """Return the file and the reason in one line."""
        return f"{self.path.parent.name}/{self.path.name}: {self.text}"


def faults(results: Path, upstream: Path) -> list[Fault]:
    """Return all that is wrong in a folder of results, and in the records beside it."""
    commits = set(git(upstream, "rev-list", "--all").split())
    found: list[Fault] = []
    for folder in sorted({path.parent for path in results.glob("*/*.json")}):
        # Those that git ignores were measured to test the tools, at commits that nobody else has.
        if folder.name not in IGNORED_MACHINES:
            # A benchmark's fault once, however many of its cases have it.
            found += dict.fromkeys(faults_of_machine(folder, commits))
    readers: list[tuple[Path, Callable[[Path], object]]] = [
        *((path, read_imports) for path in sorted(results.parent.glob(IMPORTS))),
        *((path, read_suite) for path in sorted(results.parent.glob(PYPERF))),
        *((path, read_object) for path in sorted(results.parent.glob("records/pythons/*.json"))),
        (results / "benchmarks.json", lambda path: read_benchmarks(path.parent)),
        (results.parent / "records" / "changes.json", read_changes),
    ]
    for path, read in readers:
        try:
            read(path)
        except Failure as failure:
            found.append(Fault(path, str(failure)))
    return found


def faults_of_machine(folder: Path, commits: Collection[str]) -> Iterator[Fault]:
    """Yield what is wrong with the results of one machine."""
    facts: dict[str, Any] = {}
    try:
        facts = read_object(folder / MACHINE)
    except Failure as failure:
        missing = (
            "missing, so the site can't be published; restore it with git, or start a run on that "
            "machine"
        )
        text = str(failure) if (folder / MACHINE).exists() else missing
        yield Fault(folder / MACHINE, text)
    if not re.fullmatch(SAFE_NAME, folder.name):
        yield Fault(folder / MACHINE, f"{folder.name!r} is no name of a machine")
    if facts and facts.get("machine") != folder.name:
        yield Fault(folder / MACHINE, f"belongs to {facts.get('machine')}")
    for path in sorted(set(folder.glob("*.json")) - {folder / MACHINE}):
        try:
            yield from faults_of_file(path, facts, commits)
        except DAMAGES as problem:
            reason = " ".join(str(problem).split()) or type(problem).__name__
            yield Fault(path, f"can't be read ({reason})")


def faults_of_file(path: Path, facts: dict[str, Any], commits: Collection[str]) -> Iterator[Fault]:
    """Yield what is wrong with one file of results, given the facts about its machine."""
    side = side_of(Results.load(str(path)), path.name)
    name = f"{side.commit[:8]}-{side.environment}.json"
    if path.name != name:
        yield Fault(path, f"should be called {name}")
    elif side.commit not in commits:
        text = f"its commit {side.commit[:8]} is on no branch and has no tag in upstream/"
        yield Fault(path, text, is_superseded=True)
    # The system may be another one: it is updated from time to time.
    for fact in ("machine", "arch", "cpu", "num_cpu"):
        found = side.circumstances.get(fact)
        if facts.get(fact) and found != facts[fact]:
            yield Fault(path, f"was measured on {fact} {found}, not {facts[fact]}")
    for case, measured in side.cases.items():
        if not re.fullmatch(SAFE_NAME, case.benchmark):
            yield Fault(path, f"{case.benchmark!r} is no name of a benchmark")
        # A skipped case is NaN, which is not below 0.
        if any(number < 0 for number in (measured.value, measured.seconds, *measured.samples)):
            yield Fault(path, f"{case.benchmark}: a negative number")
        # A day more: clocks differ.
        if measured.began > time.time() + A_DAY:
            yield Fault(path, f"{case.benchmark}: measured in the future; set the clock")


@click.command()
def command() -> None:
    """Check that the committed files in results/ and records/ can be used.

    It prints one line for each fault, and changes nothing. Exit codes: 0 all files are sound; 1
    some are not; 3 an error.
    """
    require(UPSTREAM)
    found = faults(RESULTS, UPSTREAM)
    if is_clone(UPSTREAM) and (others := [fault for fault in found if fault.is_superseded]):
        print(f"{len(others)} files are of commits that the clone in upstream/ lacks: not used")
        found = [fault for fault in found if not fault.is_superseded]
    for fault in found:
        print(fault)
    if found:
        print("restore a damaged file with git, or remove it and measure again")
    files = len(list(RESULTS.glob("*/*-*.json")))
    print(f"{files} files of results, {len(found)} fault{'s' * (len(found) != 1)}")
    sys.exit(1 if found else 0)
