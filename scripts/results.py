"""Keep results/ sound: check all of it, and take in what another checkout has measured.

Exit codes: 0 all is well; 1 something is not, or could not be taken; 3 an error.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from asv.results import Results

from scripts import history
from scripts.errors import Failure, run
from scripts.files import read_object, write_text
from scripts.git_command import commit_of
from scripts.kept_imports import fault_of_imports
from scripts.measurements import DAMAGES, FACTS, side_of
from scripts.paths import IGNORED_MACHINES, RESULTS, UPSTREAM
from scripts.pyperf_results import stored

BENCHMARKS = "benchmarks.json"
MACHINE = "machine.json"
# What asv writes into each file of results.
FIELDS = {
    "commit_hash": str,
    "env_name": str,
    "date": int,
    "params": dict,
    "python": str,
    "requirements": dict,
    "result_columns": list,
    "results": dict,
    "version": int,
}
VERSION = 2
LARGEST = sys.float_info.max


def numbers(value: Any) -> Iterator[float]:
    """Yield all numbers of nested lists."""
    if isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # An integer that no float can hold is none that was measured.
        yield float(value) if isinstance(value, float) or abs(value) < LARGEST else math.inf


def faults_of_file(path: Path, machine: str, upstream: Path) -> Iterator[str]:
    """Yield what is wrong with one file of results.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    machine : str
        Whose folder it lies in.
    upstream : pathlib.Path
        The repository whose commits are known.
    """
    try:
        read = read_object(path)
    except Failure as failure:
        yield str(failure)
        return
    wrong = [name for name, kind in FIELDS.items() if not isinstance(read.get(name), kind)]
    if not wrong and not all(isinstance(column, str) for column in read["result_columns"]):
        wrong = ["result_columns"]
    if wrong:
        yield f"lacks {', '.join(wrong)}"
        return
    if read["version"] != VERSION:
        yield f"format {read['version']}, not {VERSION}"
    commit, name = read["commit_hash"], f"{read['commit_hash'][:8]}-{read['env_name']}.json"
    if path.name != name:
        yield f"is of {name}"
    if not re.fullmatch("[0-9a-f]{40}", commit) or commit_of(upstream, commit) != commit:
        yield f"commit {commit[:8]} is unknown in {upstream.name}/"
    if read["params"].get("machine") != machine:
        yield f"is of machine {read['params'].get('machine')}"
    wrong = list(faults_of_cases(read))
    yield from wrong
    if not wrong:
        # Whatever asv, too, stumbles over.
        try:
            side_of(Results.load(str(path)), path.name)
        except DAMAGES as problem:
            yield f"can't be read ({' '.join(str(problem).split()) or type(problem).__name__})"


def faults_of_cases(read: dict[str, Any]) -> Iterator[str]:
    """Yield the benchmarks whose numbers can't be right."""
    columns = read["result_columns"]
    for benchmark, entry in read["results"].items():
        if not isinstance(entry, list) or len(entry) > len(columns):
            yield f"{benchmark}: not as its columns say"
            continue
        named = dict(zip(columns, entry))
        if not all(isinstance(named.get(name), list | None) for name in ("result", "samples")):
            yield f"{benchmark}: not as its columns say"
            continue
        # NaN stands for what was skipped; nothing takes for ever, or less than no time.
        values = [*numbers(named.get("result")), *numbers(named.get("samples"))]
        if any(math.isinf(value) or value < 0 for value in values):
            yield f"{benchmark}: a number that can't be"
        if any(number < 0 for number in numbers(named.get("duration"))):
            yield (
                f"{benchmark}: took less than no time, for the machine's clock was set back; "
                "remove the file and measure again"
            )
        for sample in named.get("samples") or []:
            if sample is not None and any(math.isnan(each) for each in numbers(sample)):
                yield f"{benchmark}: a sample that is no number"


def faults(results: Path, upstream: Path) -> list[str]:
    """Return all that is wrong in a folder of results, each with its file."""
    found = []
    # What git ignores was measured to test the tools, of commits that nobody has.
    kept = [path for path in results.iterdir() if path.name not in IGNORED_MACHINES]
    for folder in sorted(path for path in kept if (path / MACHINE).exists()):
        try:
            facts = read_object(folder / MACHINE)
            missing = [name for name in (*FACTS, "ram") if not facts.get(name)]
            if missing:
                found.append(f"{folder.name}/{MACHINE}: lacks {', '.join(missing)}")
            if facts.get("machine") != folder.name:
                found.append(f"{folder.name}/{MACHINE}: is of {facts.get('machine')}")
        except Failure as failure:
            found.append(f"{folder.name}/machine.json: {failure}")
        for path in sorted(folder.glob("*-*.json")):
            where = f"{folder.name}/{path.name}"
            found += [f"{where}: {fault}" for fault in faults_of_file(path, folder.name, upstream)]
    for path in sorted(results.glob("*/*-*.json")):
        if not (path.parent / MACHINE).exists():
            found.append(f"{path.parent.name}/{path.name}: its machine.json is missing")
    for path in sorted(results.glob("imports/*.json")):
        fault = fault_of_imports(path, upstream)
        found += [f"imports/{path.name}: {fault}"] if fault else []
    for path in sorted(results.glob("pyperf/*.json")):
        try:
            stored(path)
        except Failure as failure:
            found.append(f"pyperf/{path.name}: {failure}")
    try:
        read_object(results / BENCHMARKS)
    except Failure as failure:
        found.append(f"{BENCHMARKS}: {failure}")
    return found


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
        The other folder.
    results : pathlib.Path
        This one.
    upstream : pathlib.Path
        The repository whose commits are known.

    Returns
    -------
    taken, refused : list of str
        Files that were copied; and those that were not, and why.
    """
    if not other.is_dir() or other.resolve() == results.resolve():
        raise Failure(f"{other} is no other folder of results; name one")
    unsound = {fault.partition(":")[0]: fault for fault in faults(other, upstream)}
    unsound |= {f"{name}/machine.json": what for name, what in other_machines(other, results)}
    known = descriptions(results / BENCHMARKS)
    taken, refused = [], []
    files = [path for path in other.glob("*/*.json") if path.parent.name not in IGNORED_MACHINES]
    for source in sorted(files):
        name = f"{source.parent.name}/{source.name}"
        target = results / name
        about_machine = unsound.get(f"{source.parent.name}/machine.json")
        if name in unsound or about_machine:
            refused.append(unsound.get(name) or str(about_machine))
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
    given = {} if BENCHMARKS in unsound else descriptions(other / BENCHMARKS)
    if given.keys() - known.keys():
        # As asv writes it; what is known here stays.
        write_text(results / BENCHMARKS, json.dumps(given | known, indent=4, sort_keys=True))
    return taken, refused


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
    merging.add_argument("other", metavar="FOLDER", type=Path, help="its results/")
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
