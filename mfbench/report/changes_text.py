"""Confirmed changes in words: a line each, an issue's text, and notes in a comparison."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mfbench.foundation.git_command import git
from mfbench.report.words import interval_text, markdown_table, plain, times_text, value_text
from mfbench.results.changes import IMPROVEMENT, TIMED, Change
from mfbench.results.reader import Case
from mfbench.verdict.rows import Comparison, Row
from mfbench.verdict.verdict import Verdict

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
    said = f"{change_size(change)} than {change.base}, {change.evidence}{cause}"
    if change.after is None:
        said = f"fails or gives a wrong answer, unlike in {change.base}"
    # A commit's title may hold what moves a terminal's cursor.
    line = f"{change.head}: {change.case}: {said}"
    return "".join(each if each.isprintable() else "?" for each in line)


def issue_text(changes: Sequence[Change]) -> str:
    """Return an issue about the changes of one release, in markdown."""
    rows = [[f"`{each.case}`", *_values(each), change_size(each), _cause(each)] for each in changes]
    table = markdown_table(("case", "before", "after", "change", "cause"), rows)
    first = changes[0]
    times = TIMES if any(each.evidence == TIMED for each in changes) else ""
    names = {"head": first.head, "base": first.base, "machine": first.machine}
    return ISSUE.format(table=table, times=times, **names)


def _cause(change: Change) -> str:
    """Return the cause; it may hold a commit's title, which anybody wrote."""
    return plain(change.cause.replace("`", "")) or "not known"


def _values(change: Change) -> list[str]:
    return [value_text(value, change.unit) for value in (change.before, change.after)]


def change_size(change: Change) -> str:
    """Return the size of a change, with its interval."""
    if change.after is None:
        return "fails"
    verdict = Verdict.SLOWER if change.after > change.before else Verdict.FASTER
    row = Row(Case(change.case), change.unit, verdict, "", change.before, change.after)
    said = times_text(row) if row.is_timed else f"{times_text(row)} {change.unit}"
    return f"{said} {interval_text(*change.interval)}" if change.interval else said


def with_decisions(comparison: Comparison, changes: Iterable[Change], upstream: Path) -> Comparison:
    """Return a comparison whose regressions tell of the confirmed ones between base and head.

    Of several of a case, the newest two.
    """
    base, head = comparison.base, comparison.head
    between = set(git(upstream, "rev-list", f"{base.commit}..{head.commit}").split())
    machine = base.circumstances.get("machine")
    notes: dict[str, list[str]] = {}
    for each in changes:
        if each.commit in between and each.machine == machine and each.state != IMPROVEMENT:
            said = f"change in {each.head}: {each.decision}"
            notes.setdefault(each.case, []).append(said)

    def told(row: Row) -> Row:
        known = notes.get(str(row.case), [])[-2:] if row.verdict is Verdict.SLOWER else []
        return replace(row, reason="; ".join(filter(None, (row.reason, *known))))

    return replace(comparison, rows=tuple(map(told, comparison.rows)))
