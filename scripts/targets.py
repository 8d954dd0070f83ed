"""What each target was to reach, what it reached, and what floors reach beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from statistics import median

from scripts.goals import GOALS, Goal
from scripts.readme_table import Measured, read_case, speed_up

NOT_MEASURED = "not measured"


def reached(goal: Goal, results: Path, machine: str, commits: Mapping[str, str]) -> list[str]:
    """Return the cells of one goal.

    Parameters
    ----------
    goal : Goal
        What was wanted.
    results : pathlib.Path
        The folder of results.
    machine : str
        The machine's name.
    commits : mapping of str to str
        Hashes by optimisation; the release's is that of "main", and the tip's that of "".

    Returns
    -------
    list of str
        The case, what was wanted, what was reached, what floors reach, and what was tried.
    """
    first = commits.get("" if goal.setting_off else goal.before)
    row = goal.setting_off or goal.row
    before = None if first is None else read_case(results, machine, first, row)
    # Not every release takes every optimisation.
    commit = commits.get(goal.after)
    after = None if commit is None else read_case(results, machine, commit, goal.row)
    wanted = f"{'≤' if goal.size else '≥'} {goal.wanted:.4g}×"
    name = goal.row.label + (f", up to `{goal.after}`" if goal.after else "")
    if before is None or after is None:
        return [name, wanted, NOT_MEASURED, "", ""]
    found = speed_up(after, before) if goal.size else speed_up(before, after)
    if is_reached(goal, before, after):
        return [
            name,
            wanted,
            f"**{found}**",
            floors_of(goal, results, machine, commits, before),
            "",
        ]
    return [name, wanted, found, floors_of(goal, results, machine, commits, before), goal.tried]


def is_reached(goal: Goal, before: Measured, after: Measured) -> bool:
    """Tell whether a goal is reached."""
    if goal.size:
        return after.value <= goal.wanted * before.value
    return before.value / after.value >= goal.wanted


def floors_of(
    goal: Goal, results: Path, machine: str, commits: Mapping[str, str], before: Measured
) -> str:
    """Return how many times as fast as the release each floor is; "" where none is known."""
    found = {}
    for name, row in goal.floors.items():
        # Twice the same code: once beside each version.
        both = [read_case(results, machine, commits[commit], row) for commit in ("main", "")]
        known = [each for each in both if each is not None]
        samples = tuple(sample for each in known for sample in each.samples)
        if known:
            value = median(samples or [each.value for each in known])
            found[name] = speed_up(before, Measured(value, samples))
    return "; ".join(f"{name} {ratio}" for name, ratio in found.items())


def table(results: Path, machine: str, commits: Mapping[str, str]) -> str:
    """Make the table of all goals; `commits` as in `reached`.

    Returns
    -------
    str
        Markdown.
    """
    lines = [
        "| case | wanted | reached | without metaflow | what else was tried |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [f"| {' | '.join(reached(goal, results, machine, commits))} |" for goal in GOALS]
    return "\n".join(lines) + "\n"
