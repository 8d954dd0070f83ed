"""Keep results/ sound: check all of it, and take in what another checkout has measured.

Exit codes: 0 all is well; 1 something is not, or could not be taken; 3 an error.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts import history
from scripts.errors import Failure, run
from scripts.files import read_object, write_text
from scripts.measurements import FACTS
from scripts.paths import IGNORED_MACHINES, RESULTS, UPSTREAM
from scripts.result_faults import BENCHMARKS, MACHINE, faults, in_a_line


def other_versions(path: Path, known: dict[str, Any]) -> list[str]:
    """Return the benchmarks of a sound file that are of another version than is known here.

    Parameters
    ----------
    path : pathlib.Path
        The file of results.
    known : dict of str to dict
        Descriptions of benchmarks by their names, as asv writes them.
    """
    read = read_object(path)
    of_file = {
        name: dict(zip(read["result_columns"], entry)).get("version")
        for name, entry in read["results"].items()
    }
    return [
        name
        for name, version in of_file.items()
        if isinstance(known.get(name), dict) and version not in (None, known[name].get("version"))
    ]


def descriptions(path: Path) -> dict[str, Any]:
    """Read asv's descriptions of benchmarks; none where there is no file."""
    try:
        return read_object(path) if path.exists() else {}
    except Failure as failure:
        raise Failure(f"{path.name}: {failure}; git restore gives it back") from None


def merge(other: Path, results: Path, upstream: Path) -> tuple[list[str], list[str]]:
    """Take in another folder of results; nothing that is there is changed.

    Parameters
    ----------
    other : pathlib.Path
        The other folder, or the checkout that it is in.
    results : pathlib.Path
        This one.
    upstream : pathlib.Path
        The repository whose commits are known.

    Returns
    -------
    taken, refused : list of str
        Files that were copied; and those that were not, and why.
    """
    if (other / "results" / BENCHMARKS).exists():
        other = other / "results"
    if not other.is_dir() or other.resolve() == results.resolve():
        raise Failure(f"{other} is no other folder of results; name one")
    found = faults(other, upstream)
    found += [f"{name}/{MACHINE}: {what}" for name, what in other_machines(other, results)]
    known = descriptions(results / BENCHMARKS)
    taken, refused = [], []
    files = [path for path in other.glob("*/*.json") if path.parent.name not in IGNORED_MACHINES]
    for source in sorted(files):
        name = f"{source.parent.name}/{source.name}"
        target = results / name
        unsound = fault_of(name, found) or fault_of(f"{source.parent.name}/{MACHINE}", found)
        if unsound:
            refused.append(unsound)
        elif (
            source.name != MACHINE
            # What pyperf and import trees measured has no such versions.
            and (source.parent / MACHINE).exists()
            and not target.exists()
            and (differing := other_versions(source, known))
        ):
            refused.append(f"{name}: {differing[0]} is of another version here")
        elif copied(source, target):
            taken.append(name)
        elif source.name != MACHINE and target.read_bytes() != source.read_bytes():
            refused.append(f"{name}: is here with other numbers, which stay")
    given = {} if fault_of(BENCHMARKS, found) else descriptions(other / BENCHMARKS)
    if given.keys() - known.keys():
        # As asv writes it; what is known here stays.
        write_text(results / BENCHMARKS, json.dumps(given | known, indent=4, sort_keys=True))
    return taken, refused


def fault_of(name: str, found: Sequence[str]) -> str | None:
    """Return the first fault of a file, by its path in the folder of results."""
    start = f"{in_a_line(name)}: "
    return next((fault for fault in found if fault.startswith(start)), None)


def other_machines(other: Path, results: Path) -> Iterator[tuple[str, str]]:
    """Yield machines that have the same name in both folders, and are not alike: name and why."""
    for path in sorted(other.glob(f"*/{MACHINE}")):
        name = path.parent.name
        with suppress(Failure):
            given, here = read_object(path), read_object(results / name / MACHINE)
            differing = [fact for fact in FACTS if given.get(fact) != here.get(fact)]
            if differing:
                yield name, f"{name} is another machine there: its {', '.join(differing)} differ"


def copied(source: Path, target: Path) -> bool:
    """Copy a file, whole or not at all, unless there is one; two merges at once don't overwrite."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".merge-", dir=target.parent) as folder:
        beside = Path(folder) / source.name
        beside.write_bytes(source.read_bytes())
        try:
            target.hardlink_to(beside)
        except FileExistsError:
            return False
    return True


def report_of_merge(other: Path, results: Path) -> int:
    """Merge, say what was taken and what was not, and return the exit code."""
    taken, refused = merge(other, results, UPSTREAM)
    for line in refused:
        print(f"refused {line}")
    print(f"{len(taken)} files taken, {len(refused)} refused")
    return 1 if refused else 0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.results", description=__doc__)
    described.add_argument("--results", metavar="FOLDER", type=Path, default=RESULTS)
    actions = described.add_subparsers(dest="action", required=True)
    actions.add_parser("check", help="say what is wrong in results/")
    merging = actions.add_parser("merge", help="take in the results of another checkout")
    merging.add_argument("other", metavar="FOLDER", type=Path, help="it, or its results/")
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Check or merge, and say what came of it."""
    arguments = parser().parse_args(argv)
    history.ensure(UPSTREAM)
    if arguments.action == "merge":
        return report_of_merge(arguments.other, arguments.results)
    found = faults(arguments.results, UPSTREAM)
    for line in found:
        print(line)
    files = len(list(arguments.results.glob("*/*-*.json")))
    print(f"{files} files of results, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(run(main))
