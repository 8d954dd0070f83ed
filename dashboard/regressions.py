"""asv's page of regressions and its feed: what the verdict engine says of neighbouring releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from asv.plugins.regressions import Regressions

from dashboard.commits_data import commits_data
from dashboard.result_files import Measured
from mfbench.results.benchmarks import Benchmark, read_benchmarks
from mfbench.results.reader import Case, Side
from mfbench.verdict.comparison import compare
from mfbench.verdict.rows import Row


class Step(NamedTuple):
    """A release with which a case became slower, and the measured release before it."""

    base: Side
    head: Side
    row: Row


def publish(
    cls: type[Regressions],
    measured: Measured,
    conf: Any,
    repo: Any,
    benchmarks: Any,
    graphs: Any,
    revisions: Mapping[str, int],
) -> None:
    """Write regressions.json and regressions.xml, in asv's own format."""
    known = read_benchmarks(measured.results)
    varied = {name for name, values in graphs.get_params().items() if len(values) > 1}
    found: list[list[Any]] = []
    for machine, read in measured.sides.items():
        sides = {side.commit: side for side in read}
        commits = commits_data(Path(repo._path), sides)
        controls = {each["control_of"]: sides[each["hash"]] for each in commits}
        # All, unless a range of commits was asked for.
        releases = [
            sides[each["hash"]]
            for each in commits
            if each["role"] == "release" and each["hash"] in revisions
        ]
        for case, steps in steps_of(releases, controls, known).items():
            jumps = [jump(step, repo, revisions) for step in steps]
            place = known[case.benchmark].cases().index(case) if case.parameters else None
            for graph in graphs.get_graph_group(case.benchmark):
                drawn = graph.params["machine"], graph.params["branch"]
                if drawn == (machine, "main") and jumps[-1][1] in graph.data_points:
                    chosen = {name: graph.params[name] for name in varied}
                    values = last_and_best(steps[-1], releases)
                    found.append([str(case), f"{graph.path}.json", chosen, place, *values, jumps])
    cls._save(conf, {"regressions": found})
    # What several machines saw is one entry of the feed, whose ids are made of case and commits.
    once = {
        (name, *each[:2]): [name, *facts, [each]] for name, *facts, jumps in found for each in jumps
    }
    hashes = {number: commit for commit, number in revisions.items()}
    cls._save_feed(conf, benchmarks, once.values(), revisions, hashes)


def steps_of(
    releases: Sequence[Side], controls: Mapping[str, Side], known: Mapping[str, Benchmark]
) -> dict[Case, list[Step]]:
    """Return the regressions of each case.

    `releases` holds what a machine measured, the oldest first; `controls`, by commit of the base.
    """
    found: dict[Case, list[Step]] = {}
    for base, head in pairwise(releases):
        compared = compare(base, head, controls.get(base.commit), known, every_run=True)
        for row in compared.regressions:
            declared = known.get(row.case.benchmark)
            # A failure, or a value that was 0, has no ratio.
            if declared and row.case in declared.cases() and row.before and not row.failed:
                found.setdefault(row.case, []).append(Step(base, head, row))
    return found


def jump(step: Step, repo: Any, revisions: Mapping[str, int]) -> list[float | None]:
    """Return asv's numbers of both commits (the first None if adjacent), and both values."""
    base, head, row = step
    between = repo.get_hashes_from_range(repo.get_range_spec(base.commit, head.commit))
    first = revisions[base.commit] if len(between) > 1 else None
    return [first, revisions[head.commit], row.before, row.after]


def last_and_best(newest: Step, releases: Sequence[Side]) -> tuple[float | None, float | None]:
    """Return the last and the smallest value of a case; of a time, those of one run."""
    row = newest.row
    if row.is_timed:
        return row.after, row.before
    measured = [side.cases[row.case] for side in releases if row.case in side.cases]
    version = newest.head.cases[row.case].version
    values = [each.value for each in measured if each.is_known and each.version == version]
    return values[-1], min(values)
