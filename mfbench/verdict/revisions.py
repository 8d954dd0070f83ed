"""Two commits by name: find what was measured of them, and compare it. Nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from mfbench.foundation.errors import Failure, NothingMeasured
from mfbench.foundation.paths import RECORDS
from mfbench.repository.control import control_of
from mfbench.repository.series import find_commit
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.machines import likeliest, machines_with
from mfbench.results.reader import Case, Side, pythons_of, read_sides
from mfbench.verdict.comparison import compare
from mfbench.verdict.rows import Comparison
from mfbench.verdict.startup import startup_rows


def compare_revisions(
    results: Path,
    upstream: Path,
    names: Sequence[str],
    machine: str | None = None,
    topics: Sequence[str] = (),
    every_run: bool = False,
    cases: Collection[Case] = (),
    commits: Sequence[str] = (),
    python: str = "",
) -> Comparison:
    """Compare two commits.

    Parameters
    ----------
    results, upstream : pathlib.Path
        The folders to read; records/ lies beside results.
    names : sequence of str
        What a person calls base and head.
    machine : str, optional
        Whose results; this machine's if not given, or else the likeliest's.
    topics : sequence of str, optional
        Only these; all if there are none.
    every_run : bool, optional
        As in `compare`.
    cases : collection of Case, optional
        Only these, without start-up; all if there are none.
    commits : sequence of str, optional
        What the names stand for, where upstream/ does not know them.
    python : str, optional
        Only its results, without start-up; of those with both commits, the one with the most
        results of the machine if not given.

    Raises
    ------
    Failure
        Where a name is unknown, or a file is damaged.
    """
    commits = commits or [find_commit(upstream, name) for name in names]
    chosen = machine or _machine_of(results, commits, python)
    base, head = _sides(results, chosen, names, commits, python)
    same, used = control_of(upstream, commits[0]), base.circumstances.get("python", "")
    same_code = [
        side
        for side in read_sides(results, chosen, "control", same, used)
        if side.environment == base.environment
    ]
    _require_topics(topics, base, head)
    control = same_code[0] if same_code else None

    def wanted(case: Case) -> bool:
        return (not topics or case.topic in topics) and (not cases or case in cases)

    compared = compare(base, head, control, read_benchmarks(results), wanted, every_run)
    if topics or cases or python:
        return compared
    # Start-up is a topic of its own, which pyperf measures.
    return replace(compared, startup=startup_rows(results.parent / RECORDS.name, chosen, *commits))


def _machine_of(results: Path, commits: Sequence[str], python: str) -> str:
    measured = machines_with(results, commits, python)
    if not measured:
        how = "mfbench run BASE HEAD" + (f" --pythons {python}" if python else "")
        raise NothingMeasured(f"no machine measured both; measure with: {how}")
    return likeliest(results, measured)


def _sides(
    results: Path, machine: str, names: Sequence[str], commits: Sequence[str], python: str
) -> tuple[Side, Side]:
    """Return both sides, of one environment where there is one that measured both."""
    if not (results / machine).is_dir():
        known = ", ".join(machines_with(results, [])) or "none"
        raise Failure(f"machine {machine} has no results; measured machines: {known}")
    wanted = [python] if python else pythons_of(results / machine) or [""]
    found = [
        [side for each in wanted for side in read_sides(results, machine, name, commit, each)]
        for name, commit in zip(names, commits)
    ]
    if python and not any(found):
        what_to_do = "choose with --python or --machine"
        raise NothingMeasured(f"{machine} measured neither with Python {python}; {what_to_do}")
    for base in found[0]:
        for head in found[1]:
            if base.environment == head.environment:
                return base, head
    # What was not measured has no circumstances of its own to differ in.
    circumstances = (found[0] or found[1] or [Side("", "", "", {}, {})])[0].circumstances
    base, head = (
        sides[0] if sides else Side(name, commit, "", circumstances, {})
        for sides, name, commit in zip(found, names, commits)
    )
    return base, head


def _require_topics(topics: Sequence[str], *sides: Side) -> None:
    known = sorted({case.topic for side in sides for case in side.cases})
    unknown = [topic for topic in topics if topic not in known]
    if unknown and known:
        raise Failure(f"unknown topic {', '.join(unknown)}; topics are {', '.join(known)}")
