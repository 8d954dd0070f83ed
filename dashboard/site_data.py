"""All that was measured as one document, for the page and for programs.

docs/dashboard.md describes it; dashboard/site.schema.json is its schema.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dashboard.commits_data import commits_data
from dashboard.trends import TILES
from mfbench.foundation.errors import Failure
from mfbench.foundation.files import read_object
from mfbench.foundation.paths import IGNORED_MACHINES, RECORDS
from mfbench.repository.control import control_of
from mfbench.repository.series import find_commit, read_series
from mfbench.results.benchmarks import Benchmark, read_benchmarks
from mfbench.results.machines import this_machine
from mfbench.results.reader import Case, Measurement, Side, read_side, rounded, usual_files
from mfbench.results.records import read_imports

SCHEMA = 3
FACTS = ("arch", "cpu", "num_cpu", "os", "ram")
FIRST_CASE = "instructions.Command.track_run(import metaflow)"


def document(
    results: Path,
    upstream: Path,
    records: Path = RECORDS,
    sides: Mapping[str, Sequence[Side]] | None = None,
) -> dict[str, Any]:
    """Return everything that the site shows, as site.schema.json says; write nothing.

    `sides` is what `read_all` returns, if that is known.
    """
    machines = measured_machines(results)
    sides = read_all(results) if sides is None else sides
    every = [side for found in sides.values() for side in found]
    cases = {case: place for place, case in enumerate(sorted({c for s in every for c in s.cases}))}
    known = read_benchmarks(results) if every else {}
    names = sorted({case.benchmark for case in cases})
    # Of a benchmark that the suite no longer has, only the name is known.
    benchmarks = [known.get(name, Benchmark(name, "time", "seconds", "")) for name in names]
    base, head = (find_commit(upstream, name) for name in ("main", "optimized"))
    series = read_series(upstream)
    # The control first: what it shows is noise.
    steps = [control_of(upstream, base), *(each.hash for each in series)]
    # The series even where it was not measured, so that the page can say so.
    shown = [base, *steps, *(side.commit for side in every)]
    commits = commits_data(upstream, shown, series)
    hashes = {commit["hash"] for commit in commits}
    # A clone of metaflow has none of the commits of other repositories.
    sides = {name: [s for s in found if s.commit in hashes] for name, found in sides.items()}
    first = first_machine(sides, (base, head), steps)
    pairs = {name: first_pair(found, commits, (base, head)) for name, found in sides.items()}
    return {
        "schema": SCHEMA,
        "machines": [
            {**facts, "base": pairs[name][0], "head": pairs[name][1]}
            for name, facts in machines.items()
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
        "results": {name: results_data(found, cases) for name, found in sides.items()},
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


def measured_machines(results: Path) -> dict[str, dict[str, str]]:
    """Return asv's facts about each machine that the site shows."""
    found = {}
    for name in sorted({path.parent.name for path in results.glob("*/*.json")}):
        if name in IGNORED_MACHINES:
            continue
        path = results / name / "machine.json"
        if not path.exists():
            raise Failure(
                f"{name}/machine.json is missing, so asv would ignore that machine's results; "
                "restore it with git, or start any run on that machine, which writes it"
            )
        facts = read_or_name(read_object, path)
        found[name] = {"name": name, **{each: str(facts.get(each, "")) for each in FACTS}}
    return found


def read_all(results: Path) -> dict[str, list[Side]]:
    """Read what each machine measured."""
    return {name: sides_of(results / name) for name in measured_machines(results)}


def read_or_name(read: Callable[[Path], dict[str, Any]], path: Path) -> dict[str, Any]:
    """Read a file; raise Failure with its name where it is damaged."""
    try:
        return read(path)
    except Failure as failure:
        name = f"{path.parent.name}/{path.name}"
        raise Failure(f"{name} is damaged ({failure}); restore it with git") from None


def sides_of(folder: Path) -> list[Side]:
    """Read a machine's files of results: those of the Python that has the most."""
    return [read_side(path, path.name[:8]) for path in usual_files(folder)]


def first_machine(
    sides: Mapping[str, Sequence[Side]], usual: Collection[str], series: Collection[str]
) -> str | None:
    """Return the machine that the page shows first; None if nothing was measured.

    Those that measured the `usual` commits come first, then this one, then those that measured
    most of the series, or most of all.
    """

    def rank(name: str) -> tuple[bool, bool, int, int]:
        measured = {side.commit for side in sides[name]}
        of_series = len(measured.intersection(series))
        return measured.issuperset(usual), name == this_machine(), of_series, len(measured)

    return max((name for name, found in sides.items() if found), key=rank, default=None)


def first_pair(
    sides: Iterable[Side], commits: Iterable[Mapping[str, Any]], usual: Sequence[str]
) -> list[str]:
    """Return the two commits that the page shows first of a machine: the `usual`, if measured.

    Else the oldest or the newest of the others takes the place; both are empty without any.
    """
    measured = {side.commit for side in sides}
    choice = [
        each["hash"] for each in commits if each["hash"] in measured and each["role"] != "control"
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


def results_data(sides: Iterable[Side], places: Mapping[Case, int]) -> dict[str, Any]:
    """Return what was measured by commit, environment and benchmark."""
    found: dict[str, Any] = {}
    for side in sides:
        benchmarks: dict[str, list[Any]] = {}
        for case, measured in side.cases.items():
            new = [measured.version, round(measured.began, 3), []]
            _, _, cases = benchmarks.setdefault(case.benchmark, new)
            cases.append(measurement_data(places[case], measured))
        found.setdefault(side.commit, {})[side.environment] = {
            "circumstances": dict(side.circumstances),
            "benchmarks": list(benchmarks.values()),
        }
    return found


def measurement_data(place: int, measured: Measurement) -> list[Any]:
    """Return a case's place, then its value: null if it failed, nothing if it was skipped."""
    if measured.failed:
        return [place, None]
    if not measured.is_known:
        return [place]
    if measured.samples:
        return [place, 0, [short(rounded(1e6 * sample)) for sample in measured.samples]]
    return [place, short(measured.value)]


def short(number: float) -> float | int:
    """Return a whole number without a point."""
    return int(number) if number == int(number) else number


def imports_data(folder: Path) -> dict[str, Any]:
    """Return the import trees that `mfbench explain imports` recorded, by commit."""
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("*.json")):
        recorded = read_or_name(read_imports, path)
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
