"""What is wrong in a folder of results: of asv's files, of import trees and of pyperf's."""

from __future__ import annotations

import math
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asv.results import Results
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from scripts.errors import Failure
from scripts.files import read_object
from scripts.git_command import commit_of
from scripts.kept_imports import fault_of_imports
from scripts.measurements import DAMAGES, FACTS, side_of
from scripts.paths import IGNORED_MACHINES
from scripts.pyperf_results import stored

BENCHMARKS = "benchmarks.json"
MACHINE = "machine.json"
# Folders of results that are no machine's.
OTHERS = ("imports", "pyperf")
VERSION = 2
LARGEST = sys.float_info.max
MOST_TOLD = 200
# The last day that there is a date of, in seconds since 1970.
LATEST_DATE = 253402300799
SET = "set the clock, or if it is right, remove the file and measure again"
TEXT = {"type": "string", "minLength": 1}
# What asv writes into each file of results.
FILE = Draft202012Validator(
    {
        "type": "object",
        "properties": {
            "commit_hash": TEXT,
            "env_name": TEXT,
            "date": {"type": "integer", "minimum": 0},
            "params": {
                "type": "object",
                "properties": {fact: TEXT for fact in (*FACTS, "ram")},
                "required": [*FACTS, "ram"],
            },
            "python": TEXT,
            "requirements": {"type": "object"},
            "result_columns": {"type": "array", "items": {"type": "string"}},
            "results": {"type": "object", "additionalProperties": {"type": "array"}},
            "version": {"type": "integer"},
        },
        "required": [
            *("commit_hash", "date", "env_name", "params", "python", "requirements"),
            *("result_columns", "results", "version"),
        ],
    }
)
# What it writes of each benchmark, by the names of the columns.
NUMBERS = {"type": ["array", "null"], "items": {"type": ["number", "null"]}}
ENTRY = Draft202012Validator(
    {
        "type": "object",
        "properties": {
            "result": NUMBERS,
            "params": {"type": ["array", "null"], "items": {"type": "array", "items": TEXT}},
            "version": {"type": ["string", "null"]},
            "started_at": {"type": ["number", "null"]},
            "duration": {"type": ["number", "null"]},
            "samples": {"type": ["array", "null"], "items": NUMBERS},
        },
    }
)


def misfit(form: Draft202012Validator, value: Any) -> str:
    """Return where and how a value is not as a schema says, "" where it is."""
    try:
        worst = best_match(form.iter_errors(value))
    except RecursionError:
        return "nested too deep"
    if worst is None:
        return ""
    place = ".".join(map(str, worst.absolute_path))
    # jsonschema repeats the value, whatever its size.
    message = worst.message if len(worst.message) <= MOST_TOLD else f"…{worst.message[-MOST_TOLD:]}"
    return f"{place}: {message}" if place else message


def in_a_line(text: str) -> str:
    """Return text that a file gave as one line that any terminal can show."""
    return " ".join(text.split()).encode(errors="backslashreplace").decode()


def numbers(value: Any) -> Iterator[float]:
    """Yield all numbers of nested lists."""
    if isinstance(value, list):
        for each in value:
            yield from numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # An integer that no float can hold is none that was measured.
        yield float(value) if isinstance(value, float) or abs(value) < LARGEST else math.inf


def faults_of_file(path: Path, facts: dict[str, Any], upstream: Path) -> Iterator[str]:
    """Yield what is wrong with one file of results.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    facts : dict of str to str
        About the machine in whose folder it lies.
    upstream : pathlib.Path
        The repository whose commits are known.
    """
    try:
        read = read_object(path)
    except Failure as failure:
        yield str(failure)
        return
    wrong = misfit(FILE, read)
    if wrong:
        yield wrong
        return
    if read["version"] != VERSION:
        yield f"format {read['version']}, not {VERSION}"
    commit, name = read["commit_hash"], f"{read['commit_hash'][:8]}-{read['env_name']}.json"
    if path.name != name:
        yield f"is of {name}"
    if not re.fullmatch("[0-9a-f]{40}", commit) or commit_of(upstream, commit) != commit:
        yield f"commit {commit[:8]} is unknown in {upstream.name}/"
    # The system may be another: it is brought up to date from time to time.
    for fact in ("machine", "arch", "cpu", "num_cpu"):
        if facts.get(fact) and read["params"][fact] != facts[fact]:
            yield f"is of {fact} {read['params'][fact]}, and machine.json is of {facts[fact]}"
    if read["date"] > latest():
        yield f"its commit's date is to come; {SET}"
    faulty = list(faults_of_cases(read))
    yield from faulty
    if not faulty:
        # Whatever asv, too, stumbles over.
        try:
            side_of(Results.load(str(path)), path.name)
        except DAMAGES as problem:
            yield f"can't be read ({' '.join(str(problem).split()) or type(problem).__name__})"


def faults_of_cases(read: dict[str, Any]) -> Iterator[str]:
    """Yield the benchmarks whose numbers can't be right."""
    columns = read["result_columns"]
    for benchmark, entry in read["results"].items():
        named = dict(zip(columns, entry))
        wrong = (
            misfit(ENTRY, named) if len(entry) <= len(columns) else "more than there are columns"
        )
        result = [] if wrong else named.get("result") or []
        if result and len(result) != (cases := math.prod(map(len, named.get("params") or []))):
            wrong = f"{len(result)} results of {cases} cases"
        if wrong:
            yield f"{benchmark}: not as its columns say ({wrong})"
            continue
        # NaN stands for what was skipped; nothing takes for ever, or less than no time.
        values = [*numbers(named.get("result")), *numbers(named.get("samples"))]
        if any(math.isinf(value) or value < 0 for value in values):
            yield f"{benchmark}: a number that can't be"
        if any(math.isnan(value) for value in numbers(named.get("samples"))):
            yield f"{benchmark}: a sample that is no number"
        duration, began = (
            next(numbers([named.get(name)]), 0.0) for name in ("duration", "started_at")
        )
        if began > latest():
            when = time.strftime("%Y-%m-%d", time.gmtime(min(began / 1000, LATEST_DATE)))
            yield f"{benchmark}: began on {when}, which this machine's clock says is to come; {SET}"
        elif not (0 <= duration < math.inf and began >= 0):
            yield (
                f"{benchmark}: began {began / 1000:g} s after 1970 and took {duration:g} s, which "
                "can't be (was the machine's clock set?); remove the file and measure again"
            )


def latest() -> float:
    """Return tomorrow in asv's milliseconds since 1970: clocks differ."""
    return (time.time() + 24 * 60 * 60) * 1000


def faults(results: Path, upstream: Path) -> list[str]:
    """Return all that is wrong in a folder of results, each with its file."""
    found = []
    # What git ignores was measured to test the tools, of commits that nobody has.
    kept = [path for path in results.iterdir() if path.name not in IGNORED_MACHINES]
    for folder in sorted(path for path in kept if (path / MACHINE).exists()):
        facts: dict[str, Any] = {}
        try:
            facts = read_object(folder / MACHINE)
            missing = [name for name in (*FACTS, "ram") if not facts.get(name)]
            if missing:
                found.append(f"{folder.name}/{MACHINE}: lacks {', '.join(missing)}")
            if facts.get("machine") != folder.name:
                found.append(f"{folder.name}/{MACHINE}: is of {facts.get('machine')}")
        except Failure as failure:
            found.append(f"{folder.name}/machine.json: {failure}")
        for path in sorted(set(folder.glob("*.json")) - {folder / MACHINE}):
            where = f"{folder.name}/{path.name}"
            found += [f"{where}: {fault}" for fault in faults_of_file(path, facts, upstream)]
    for path in sorted(results.glob("*/*.json")):
        if path.parent.name not in OTHERS and not (path.parent / MACHINE).exists():
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
    return [in_a_line(fault) for fault in found]
