"""Confirmed changes in words: a line each, an issue's text, and notes in a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mfbench.foundation.git_command import git
from mfbench.report.words import interval_text, markdown_table, times_text, value_text
from mfbench.results.changes import TIMED, Change
from mfbench.results.reader import Case
from mfbench.verdict.rows import Comparison, Row
from mfbench.verdict.verdict import MOVED, Verdict

ISSUE = """# metaflow {head} takes more than {base}

{table}
Instructions, modules, requests and sizes are counted; they repeat. {times}Measured on the machine
`{machine}`. To show the whole comparison: `mfbench compare {base} {head} --machine {machine}`.
"""
TIMES = (
    "Each time was confirmed in a second run; in brackets is the 95% confidence interval of "
    "before / after. "
)


def change_line(change: Change) -> str:
    """Return a change in one line."""
    cause = f"; {change.cause}" if change.cause else ""
    said = f"{_size(change)} than {change.base}, {change.evidence}{cause}"
    return f"{change.head}: {change.case}: {said}"


def issue_text(changes: Sequence[Change]) -> str:
    """Return an issue about the changes of one release, in markdown."""
    rows = [
        [f"`{each.case}`", *_values(each), _size(each), each.cause or "not known"]
        for each in changes
    ]
    table = markdown_table(("case", "before", "after", "change", "cause"), rows)
    first = changes[0]
    times = TIMES if any(each.evidence == TIMED for each in changes) else ""
    names = {"head": first.head, "base": first.base, "machine": first.machine}
    return ISSUE.format(table=table, times=times, **names)


def _values(change: Change) -> list[str]:
    return [value_text(value, change.unit) for value in (change.before, change.after)]


def _size(change: Change) -> str:
    """Return the size of a change, with its interval."""
    verdict = Verdict.SLOWER if change.after > change.before else Verdict.FASTER
    row = Row(Case(change.case), change.unit, verdict, "", change.before, change.after)
    said = times_text(row) if row.is_timed else f"{times_text(row)} {change.unit}"
    return f"{said} {interval_text(*change.interval)}" if change.interval else said


def with_decisions(comparison: Comparison, changes: Iterable[Change], upstream: Path) -> Comparison:
    """Return a comparison whose rows tell of confirmed changes between base and head."""
    base, head = comparison.base.commit, comparison.head.commit
    between = set(git(upstream, "rev-list", f"{base}..{head}").split())
    notes: dict[str, str] = {}
    for each in changes:
        if each.commit in between:
            said = f"change in {each.head}: {each.decision}"
            notes[each.case] = "; ".join(filter(None, (notes.get(each.case), said)))
    rows = [
        replace(row, reason=notes[str(row.case)])
        if row.verdict in MOVED and str(row.case) in notes
        else row
        for row in comparison.rows
    ]
    return replace(comparison, rows=tuple(rows))
