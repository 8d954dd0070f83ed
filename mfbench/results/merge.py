"""Take in what another checkout has measured; never change a file that is here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click

from mfbench.foundation.errors import Failure
from mfbench.foundation.files import atomic_write, read_object
from mfbench.foundation.paths import IGNORED_MACHINES, RESULTS, UPSTREAM
from mfbench.repository.build import require
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.check import IMPORTS, MACHINE, PYPERF, Fault, faults
from mfbench.results.reader import FACTS, read_side


def merge(other: Path, results: Path, upstream: Path) -> tuple[list[str], list[str]]:
    """Copy what is new and sound from another checkout, or from its folder of results.

    Returns
    -------
    taken, refused : list of str
        Files that were copied; and those that were not, and why.
    """
    other = other / "results" if (other / "results").is_dir() else other
    if not other.is_dir() or other.resolve() == results.resolve():
        raise Failure(f"{other} is no other folder of results; name one, or another checkout")
    found = [*unlike_machines(other, results), *other_versions(other, results)]
    reasons = {fault.path: str(fault) for fault in [*found, *faults(other, upstream)]}
    taken, refused = [], []
    for source, target, machine in sources(other, results):
        reason = reasons.get(other / machine / MACHINE) or reasons.get(source)
        if reason:
            refused.append(reason)
        elif not target.exists():
            with atomic_write(target) as copy:
                copy.write_bytes(source.read_bytes())
            taken.append(f"{source.parent.name}/{source.name}")
        elif source.name != MACHINE and target.read_bytes() != source.read_bytes():
            refused.append(str(Fault(source, "is here with other numbers, which stay")))
    return taken, list(dict.fromkeys(refused))


def sources(other: Path, results: Path) -> Iterator[tuple[Path, Path, str]]:
    """Yield each file to take in, its place here, and its machine: "" for import trees."""
    for path in sorted(other.glob("*/*.json")):
        if path.parent.name not in IGNORED_MACHINES:
            yield path, results / path.relative_to(other), path.parent.name
    for pattern in (IMPORTS, PYPERF):
        for path in sorted(other.parent.glob(pattern)):
            machine = path.parents[1].name if pattern == PYPERF else ""
            yield path, results.parent / path.relative_to(other.parent), machine


def unlike_machines(other: Path, results: Path) -> Iterator[Fault]:
    """Yield the machines that have the same name in both folders and are not alike."""
    for path in other.glob(f"*/{MACHINE}"):
        # The check names damaged files; and a machine may be new here.
        with suppress(Failure):
            given, here = read_object(path), read_object(results / path.parent.name / MACHINE)
            if differing := [fact for fact in FACTS if given.get(fact) != here.get(fact)]:
                yield Fault(path, f"describes another machine: its {', '.join(differing)} differ")


def other_versions(other: Path, results: Path) -> Iterator[Fault]:
    """Yield the new files that hold a benchmark of which another version is known here."""
    known = read_benchmarks(results)
    for path in other.glob("*/*-*.json"):
        if (results / path.relative_to(other)).exists():
            continue
        with suppress(Failure):
            for case, measured in read_side(path, path.name).cases.items():
                benchmark = known.get(case.benchmark)
                if benchmark and benchmark.version != measured.version:
                    yield Fault(path, f"{case.benchmark} has another version here")
                    break


def merge_and_tell(other: Path) -> None:
    """Merge into this checkout, say what was taken and refused, and exit with 1 for the latter."""
    require(UPSTREAM)
    taken, refused = merge(other, RESULTS, UPSTREAM)
    for line in refused:
        print(f"refused {line}")
    print(f"{len(taken)} files taken, {len(refused)} refused")
    sys.exit(1 if refused else 0)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Take in what another checkout has measured.

    FOLDER is the other checkout, or its results/. New files are copied; no file that is here
    changes. Refused are damaged files, commits that have other numbers here, results of another
    version of a benchmark, and a machine that has the name of a different one here.

    Exit codes: 0 all was taken, or is here already; 1 some files were refused; 3 an error.
    """
    merge_and_tell(folder)
