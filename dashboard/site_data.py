"""What the site shows beside the results, as one document for the page and for programs.

docs/dashboard.md describes it; dashboard/site.schema.json is its schema.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dashboard.commits_data import commits_data
from dashboard.result_files import Measured
from dashboard.trends import TILES
from mfbench.foundation.errors import Failure
from mfbench.foundation.paths import RECORDS
from mfbench.repository.control import control_of
from mfbench.repository.series import find_commit, read_series
from mfbench.results.benchmarks import Benchmark, read_benchmarks
from mfbench.results.machines import this_machine
from mfbench.results.reader import Case
from mfbench.results.records import read_imports

SCHEMA = 4
FIRST_CASE = "instructions.Command.track_run(import metaflow)"


def document(measured: Measured, upstream: Path, records: Path = RECORDS) -> dict[str, Any]:
    """Return what the site shows beside the results, as site.schema.json says; write nothing."""
    every = [side for found in measured.sides.values() for side in found]
    cases = {case: place for place, case in enumerate(sorted({c for s in every for c in s.cases}))}
    known = read_benchmarks(measured.results) if every else {}
    # Also those that only commits have that were not read.
    names = sorted({*known, *(case.benchmark for case in cases)})
    # Of a benchmark that the suite no longer has, only the name is known.
    benchmarks = [known.get(name, Benchmark(name, "time", "seconds", "")) for name in names]
    base, head = (find_commit(upstream, name) for name in ("main", "optimized"))
    series = read_series(upstream)
    # The control first: what it shows is noise.
    steps = [control_of(upstream, base), *(each.hash for each in series)]
    # The series even where it was not measured, so that the page can say so.
    commits_of = {name: list(found) for name, found in measured.files.items()}
    shown = [base, *steps, *(commit for found in commits_of.values() for commit in found)]
    commits = commits_data(upstream, shown)
    first = first_machine(commits_of, (base, head), steps)
    pairs = {name: first_pair(found, commits, (base, head)) for name, found in commits_of.items()}
    return {
        "schema": SCHEMA,
        "machines": [
            {**facts, "base": pairs[name][0], "head": pairs[name][1]}
            for name, facts in measured.machines.items()
        ],
        "commits": commits,
        "benchmarks": [
            {
                "name": benchmark.name,
                "unit": benchmark.unit,
                "parameter_names": list(benchmark.parameter_names),
                "runs_metaflow": benchmark.runs_metaflow,
            }
            for benchmark in benchmarks
        ],
        "cases": [
            case_data(case, cases, names.index(case.benchmark), benchmarks) for case in cases
        ],
        "measured": commits_of,
        "series": {"base": base, "commits": steps},
        "imports": imports_data(records / "imports"),
        "highlights": [{"label": tile.label, "cases": tile.cases} for tile in TILES],
        "default": {
            "machine": first,
            "base": pairs[first][0] if first else base,
            "head": pairs[first][1] if first else head,
            "case": FIRST_CASE,
        },
    }


def first_machine(
    measured: Mapping[str, Collection[str]], usual: Collection[str], series: Collection[str]
) -> str | None:
    """Return the machine that the page shows first; None if nothing was measured.

    Those that measured the `usual` commits come first, then this one, then those that measured
    most of the series, or most of all.
    """

    def rank(name: str) -> tuple[bool, bool, int, int]:
        commits = set(measured[name])
        of_series = len(commits.intersection(series))
        return commits.issuperset(usual), name == this_machine(), of_series, len(commits)

    return max((name for name, found in measured.items() if found), key=rank, default=None)


def first_pair(
    measured: Collection[str], commits: Iterable[Mapping[str, Any]], usual: Sequence[str]
) -> list[str]:
    """Return the two commits that the page shows first of a machine: the `usual`, if measured.

    In place of one that was not, the oldest measured commit is the base, or the newest the head.
    Two empty texts if nothing was measured.
    """
    known = set(measured)
    choice = [
        each["hash"] for each in commits if each["hash"] in known and each["role"] != "control"
    ]
    if not choice:
        return ["", ""]
    base = usual[0] if usual[0] in choice else choice[0]
    others = [commit for commit in choice if commit != base] or [base]
    head = usual[1] if usual[1] in others else others[-1]
    return sorted((base, head), key=choice.index)


def case_data(
    case: Case, places: Mapping[Case, int], benchmark: int, benchmarks: Sequence[Benchmark]
) -> list[Any]:
    """Return a case as its benchmark's place, parameters, bytes, witness and answer."""
    declared = benchmarks[benchmark]
    # asv's pages want parameters in an address as asv writes them: texts in quotes.
    written = {text.strip("'"): text for values in declared.parameters for text in values}
    values = [written.get(value, value) for value in case.parameters]
    beside = (declared.witness_of(case), declared.answer_of(case))
    numbers = [places.get(each) if each else None for each in beside]
    return [benchmark, values, declared.bytes_of(case), *numbers]


def imports_data(folder: Path) -> dict[str, Any]:
    """Return the import trees that `mfbench explain imports` recorded, by commit."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            recorded = read_imports(path)
        except Failure as failure:
            name = f"{folder.name}/{path.name}"
            raise Failure(f"{name} is damaged ({failure}); restore it with git") from None
        for side in (recorded["before"], recorded["after"]):
            found[side["commit"]] = {
                "module": recorded["module"],
                "rounds": recorded["rounds"],
                "tree": short_tree(side["tree"]),
            }
    return found


def short_tree(node: Mapping[str, Any]) -> list[Any]:
    """Return a tree as lists of name, own microseconds, and what it imports."""
    return [node["name"], node["self_us"], [short_tree(child) for child in node["children"]]]
