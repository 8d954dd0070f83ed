"""All that was measured as one document, for the Before / after page and for programs.

docs/dashboard.md describes it; dashboard/site.schema.json is its schema.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from asv import step_detect

from dashboard.commits_data import commits_data
from scripts.asv_upstream import this_machine
from scripts.errors import Failure
from scripts.git_command import commit_of
from scripts.measurements import Case, Measurement, Side, described, read_side, rounded
from scripts.paths import IGNORED_MACHINES
from scripts.series import base_commit, write_series
from scripts.witnesses import answer_of, instructions_of, size_of

SCHEMA = 1
FEWEST_FOR_STEPS = 5
FIRST_CASE = "instructions.Command.track_run(import metaflow)"
# What people know, and the cases that tell of it: the first that has moved.
HIGHLIGHTS = (
    ("import metaflow", ("imports.Import.timeraw_metaflow", FIRST_CASE)),
    ("flow.py run", ("flows.Run.time_hello",)),
    ("saving an 8 MB array", ("artifacts.Save.time_save(float64-8MB)",)),
    ("loading it", ("artifacts.Load.time_load(float64-8MB)",)),
)


def document(results: Path, upstream: Path) -> dict[str, Any]:
    """Return everything that the site shows.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results.
    upstream : pathlib.Path
        The repository under test.

    Returns
    -------
    dict
        As site.schema.json says; no NaN and no infinity in it.

    Raises
    ------
    Failure
        Where a file of results is damaged.
    """
    machines = measured_machines(results)
    sides = {name: sides_of(results / name) for name in machines}
    every = [side for found in sides.values() for side in found]
    kinds = described(results) if every else {}
    cases = numbered_cases(every)
    benchmarks = sorted({case.benchmark for case in cases})
    series = write_series(upstream, base_commit(upstream, "main"))
    commits = commits_data(upstream, (side.commit for side in every), series)
    known = {commit["hash"] for commit in commits}
    return {
        "schema": SCHEMA,
        "machines": list(machines.values()),
        "commits": commits,
        "benchmarks": [benchmark_data(name, kinds) for name in benchmarks],
        "cases": [case_data(case, cases, benchmarks, kinds) for case in cases],
        "results": {
            name: results_data([side for side in found if side.commit in known], cases)
            for name, found in sides.items()
        },
        "series": {
            "base": commit_of(upstream, "main"),
            "commits": [each.hash for each in series if each.hash],
        },
        "steps": {name: steps_data(found, commits, cases) for name, found in sides.items()},
        "imports": imports_data(results / "imports"),
        "highlights": [{"label": label, "cases": list(named)} for label, named in HIGHLIGHTS],
        "default": {
            "machine": likeliest_machine(sides, upstream),
            "before": commit_of(upstream, "main"),
            "after": commit_of(upstream, "optimized"),
            "case": FIRST_CASE,
        },
    }


def measured_machines(results: Path) -> dict[str, dict[str, str]]:
    """Return asv's facts about each machine that is to be shown."""
    found = {}
    for path in sorted(results.glob("*/machine.json")):
        if path.parent.name in IGNORED_MACHINES:
            continue
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            names = ("arch", "cpu", "num_cpu", "os", "ram")
            found[path.parent.name] = {
                "name": path.parent.name,
                **{name: str(facts.get(name, "")) for name in names},
            }
        except (ValueError, AttributeError) as problem:
            raise Failure(
                f"{path.parent.name}/{path.name} is damaged ({problem}); restore it with git"
            ) from None
    return found


def sides_of(folder: Path) -> list[Side]:
    """Read all files of results of one machine."""
    return [read_side(path, path.name[:8]) for path in sorted(folder.glob("*-*.json"))]


def numbered_cases(sides: Iterable[Side]) -> dict[Case, int]:
    """Return the place of each case that was measured anywhere."""
    return {case: place for place, case in enumerate(sorted({c for s in sides for c in s.cases}))}


def benchmark_data(name: str, kinds: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Describe a benchmark; of one that is no more, only its name is known."""
    known = kinds.get(name, {"unit": "seconds"})
    return {
        "name": name,
        "unit": str(known.get("unit", "")),
        "parameter_names": [str(each) for each in known.get("param_names", [])],
    }


def case_data(
    case: Case,
    cases: Mapping[Case, int],
    benchmarks: Sequence[str],
    kinds: Mapping[str, Mapping[str, Any]],
) -> list[Any]:
    """Return a case as its benchmark's place, parameters, bytes, witness and answer."""
    written = kinds.get(case.benchmark, {}).get("params", [])
    # With the quotes that asv's pages want in an address.
    quoted = [
        next((text for text in texts if text.strip("'") == value), value)
        for value, texts in zip(case.parameters, [*written, *([[]] * len(case.parameters))])
    ]
    beside = [instructions_of(case), answer_of(case)]
    places = [cases.get(each) if each is not None else None for each in beside]
    return [benchmarks.index(case.benchmark), quoted, size_of(case), *places]


def results_data(sides: Sequence[Side], cases: Mapping[Case, int]) -> dict[str, Any]:
    """Return what was measured by commit, environment and benchmark."""
    found: dict[str, Any] = {}
    for side in sides:
        by_benchmark: dict[str, list[tuple[int, Measurement]]] = {}
        for case, measured in side.cases.items():
            by_benchmark.setdefault(case.benchmark, []).append((cases[case], measured))
        found.setdefault(side.commit, {})[side.environment] = {
            "circumstances": dict(side.circumstances),
            "benchmarks": [
                [each[0][1].version, round(each[0][1].began, 3), [*map(measurement_data, each)]]
                for each in by_benchmark.values()
            ],
        }
    return found


def measurement_data(numbered: tuple[int, Measurement]) -> list[Any]:
    """Return a case's place, then its value, null if it failed, nothing if it was skipped."""
    place, measured = numbered
    if measured.failed:
        return [place, None]
    if math.isnan(measured.value):
        return [place]
    if measured.samples:
        return [place, 0, [short(1e6 * sample) for sample in measured.samples]]
    is_whole = measured.value == int(measured.value)
    return [place, int(measured.value) if is_whole else measured.value]


def short(number: float) -> float | int:
    """Return a number in few digits, and without a point where it is whole."""
    kept = rounded(number)
    return int(kept) if kept == int(kept) else kept


def steps_data(
    sides: Sequence[Side], commits: Sequence[Mapping[str, Any]], cases: Mapping[Case, int]
) -> dict[str, list[str]]:
    """Return the releases with which asv's step detection sees a case's value change."""
    releases = [each["hash"] for each in commits if each["role"] == "release"]
    by_commit = {side.commit: side for side in sides}
    measured = [(commit, by_commit[commit]) for commit in releases if commit in by_commit]
    found = {}
    for case, place in cases.items():
        values = [
            (commit, side.cases[case].value)
            for commit, side in measured
            if case in side.cases and math.isfinite(side.cases[case].value)
        ]
        if len(values) < FEWEST_FOR_STEPS:
            continue
        steps = step_detect.detect_steps([value for _, value in values])
        begins = [values[step[0]][0] for step in steps if step[0] > 0]
        if begins:
            found[str(place)] = begins
    return found


def imports_data(folder: Path) -> dict[str, Any]:
    """Return the import trees that `scripts.importtree` has recorded, by commit."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            recorded = json.loads(path.read_text(encoding="utf-8"))
            for side in (recorded["before"], recorded["after"]):
                found[side["commit"]] = {
                    "module": recorded["module"],
                    "rounds": recorded["rounds"],
                    "tree": short_tree(side["tree"]),
                }
        except (ValueError, KeyError, TypeError) as problem:
            raise Failure(
                f"{path.parent.name}/{path.name} is damaged ({problem}); restore it with git"
            ) from None
    return found


def short_tree(node: Mapping[str, Any]) -> list[Any]:
    """Return a tree as lists of name, own microseconds, and what it imports."""
    return [node["name"], node["self_us"], [short_tree(child) for child in node["children"]]]


def likeliest_machine(sides: Mapping[str, Sequence[Side]], upstream: Path) -> str | None:
    """Return this machine if it measured what is shown first, else the first that did."""
    wanted = {commit_of(upstream, name) for name in ("main", "optimized")}
    complete = [name for name, found in sides.items() if wanted <= {side.commit for side in found}]
    if this_machine() in complete:
        return this_machine()
    return next(iter([*complete, *(name for name, found in sides.items() if found)]), None)


def as_text(data: Mapping[str, Any]) -> str:
    """Return the document as JSON on one line."""
    return json.dumps(data, allow_nan=False, separators=(",", ":"))
