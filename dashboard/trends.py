"""The overview's charts: what people wait for, over the releases, with steps and their causes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from dashboard.commits_data import is_milestone
from mfbench.report.glance import changed_row, times_and_unit
from mfbench.report.history import IMPORT, import_row, kept_differences
from mfbench.report.words import value_text
from mfbench.results.benchmarks import Benchmark
from mfbench.results.changes import IMPROVEMENT, Change
from mfbench.results.reader import Case, Side
from mfbench.verdict.comparison import compare
from mfbench.verdict.rows import Comparison
from mfbench.verdict.verdict import MOVED, Verdict, distance_from_one


class Tile(NamedTuple):
    """What a person waits for: the case that times it, and then the case that counts for it."""

    label: str
    cases: tuple[str, ...]


# The headline and the cards begin with the first of these that have changed.
TILES = (
    Tile(
        "import metaflow",
        ("imports.Import.timeraw_metaflow", "instructions.Command.track_run(import metaflow)"),
    ),
    Tile("flow.py run", ("flows.Run.time_hello", "instructions.Command.track_run(flow.py step)")),
    Tile(
        "run with a service",
        ("service.Running.time_run(hello)", "service.Traffic.track_requests(hello)"),
    ),
    Tile("run on S3", ("s3runs.Run.time_run(hello)", "s3runs.Traffic.track_requests(hello)")),
    Tile(
        "save an artifact",
        (
            "artifacts.Save.time_save(float64-8MB)",
            "instructions.Artifact.track_save(float64-800KB)",
        ),
    ),
    Tile(
        "load an artifact",
        (
            "artifacts.Load.time_load(float64-8MB)",
            "instructions.Artifact.track_load(float64-800KB)",
        ),
    ),
    Tile(
        "wide foreach", ("flows.WideForeach.time_run(50)", "scheduler.Parent.track_per_task(200)")
    ),
    Tile("hash an artifact", ("hashing.ContentKey.time_find(float64-8MB)",)),
    Tile("compress an artifact", ("compression.Pack.time_pack(float64-8MB)",)),
    Tile("parallel_map", ("multicore.ParallelMap.time_map(8, default)",)),
)
FEWEST_POINTS = 2
# Of a chart: more would not be seen in its width, and the page would become large.
MOST_POINTS = 400
# Smaller steps of a count are real, but would hide the others.
LEAST_STEP = 0.02
MOST_STEPS = 3


def trends(
    sides: Mapping[str, Sequence[Side]],
    commits: Sequence[Mapping[str, Any]],
    benchmarks: Mapping[str, Benchmark],
    upstream: Path,
    comparison: Comparison | None,
    changes: Iterable[Change] = (),
) -> list[dict[str, Any]]:
    """Return the tiles that have a chart.

    Parameters
    ----------
    sides : mapping
        What each machine measured.
    commits : sequence
        What `commits_data` says of the commits, the oldest first.
    benchmarks : mapping
        What is declared on each benchmark, by name.
    upstream : pathlib.Path
        The measured repository, of which the import trees are.
    comparison : Comparison or None
        What the page compares first.
    changes : iterable of Change, optional
        Confirmed changes; the decision on each is shown beside its step.
    """
    preferred = comparison.base.circumstances.get("machine", "") if comparison else ""
    decisions = {each.key: each.decision for each in changes if each.state != IMPROVEMENT}
    made = []
    for tile in TILES:
        # The count first: its steps are real.
        cases = map(Case.parse, reversed(tile.cases))
        charts = [chart(case, sides, commits, benchmarks, upstream, preferred) for case in cases]
        found = [each for each in charts if each is not None]
        for each in found:
            for step in each["steps"]:
                key = each["machine"], each["case"], step["commit"]
                step["decision"] = decisions.get(key, "")
        if found:
            told = {"label": tile.label, "change": "", "address": ""}
            if comparison is not None:
                told |= change(tile, comparison)
            made.append({**told, "charts": found})
    return made


def change(tile: Tile, comparison: Comparison) -> dict[str, str]:
    """Say how the page's first comparison changed what a tile shows."""
    row = changed_row(comparison, tile.cases)
    if row is None:
        return {}
    names = comparison.base.name, comparison.head.name
    text = f"{names[1]}: {times_and_unit(row)} than {names[0]}"
    return {"change": text, "address": urlencode({"base": names[0], "head": names[1]})}


def chart(
    case: Case,
    sides: Mapping[str, Sequence[Side]],
    commits: Sequence[Mapping[str, Any]],
    benchmarks: Mapping[str, Benchmark],
    upstream: Path,
    preferred: str = "",
) -> dict[str, Any] | None:
    """Return a case over the commits of the machine that measured most of them; None without any.

    Of equals, it is `preferred`, which the page compares on. Where there is no release, the newest
    commits but controls and optimisations are shown.
    """
    found = {name: shown_sides(each, commits, case) for name, each in sides.items()}
    machine = max(found, key=lambda name: (len(found[name]), name == preferred), default="")
    if not machine or len(found[machine]) < FEWEST_POINTS:
        return None
    declared = benchmarks.get(case.benchmark)
    unit = declared.unit if declared else "seconds"
    shown = found[machine]
    values = [side.cases[case].value for side in shown]
    if unit == "seconds":
        low, high = value_text(min(values), unit), value_text(max(values), unit)
        measured = [side.cases[case] for side in shown]
        alike = all(each.same_run(measured[0]) for each in measured)
        runs = "in one run" if alike else "each release in a run of its own"
        said = f"time on {machine}, {runs}: {low} to {high}"
        steps = []
    else:
        first, last = (value_text(each, unit) for each in (values[0], values[-1]))
        said = f"{unit} on {machine}: {first} in {shown[0].name}, {last} in {shown[-1].name}"
        steps = steps_of(case, shown, benchmarks, upstream)
    for step in steps:
        names = {"machine": machine, "base": step["base"], "head": step["head"]}
        step["address"] = urlencode(names)
    return {
        "machine": machine,
        "case": str(case),
        "unit": unit,
        "labels": [side.name for side in shown],
        "values": values,
        "steps": steps,
        "said": said,
    }


def shown_sides(
    sides: Iterable[Side], commits: Sequence[Mapping[str, Any]], case: Case
) -> list[Side]:
    """Return what was measured of a case at the commits of a chart, the oldest first."""
    by_commit = {side.commit: side for side in sides}
    known = [
        (commit, replace(by_commit[commit["hash"]], name=commit["label"]))
        for commit in commits
        if commit["hash"] in by_commit
        and case in by_commit[commit["hash"]].cases
        and by_commit[commit["hash"]].cases[case].is_known
    ]
    of_releases = [side for each, side in known if is_milestone(each)]
    others = [side for each, side in known if each["role"] in ("release", "other")]
    every = of_releases if any(each["role"] == "release" for each, _ in known) else others
    found = every[-MOST_POINTS:]
    # An older version of the benchmark measured something else.
    return [side for side in found if side.cases[case].version == found[-1].cases[case].version]


def steps_of(
    case: Case, shown: Sequence[Side], benchmarks: Mapping[str, Benchmark], upstream: Path
) -> list[dict[str, Any]]:
    """Return the largest changes of a count between neighbouring commits, the oldest first."""
    found = []
    for base, head in pairwise(shown):
        step = compare(base, head, None, benchmarks, lambda each: each == case)
        row = step.row(str(case))
        if row and row.verdict in MOVED and row.ratio and distance_from_one(row.ratio) > LEAST_STEP:
            found.append((distance_from_one(row.ratio), step, row))
    largest = sorted(found, key=lambda each: -each[0])[:MOST_STEPS]
    made = []
    for _, step, row in sorted(largest, key=lambda each: shown.index(each[1].head)):
        assert row.ratio is not None
        percent = 100 * (1 / row.ratio - 1)
        made.append(
            {
                "base": step.base.name,
                "head": step.head.name,
                "commit": step.head.commit,
                "ratio": row.ratio,
                "verdict": row.verdict.value,
                "text": f"{percent:+.0f}% at {step.head.name}".replace("-", "−", 1),
                "cause": cause_of(step, upstream) if case == IMPORT else "",
            }
        )
    return made


def cause_of(step: Comparison, upstream: Path) -> str:
    """Say in short which module of the import came or left; "" where that is not known."""
    found = kept_differences(step, upstream)
    if not found:
        return ""
    importer, imported = (
        name.rpartition(".")[2] for name in (found[0].importer or "the program", found[0].name)
    )
    verb = "no longer imports" if import_row(step).verdict is Verdict.FASTER else "now imports"
    return f"{importer} {verb} {imported}"
