"""The comment on a pull request: what a comparison found, in a few lines of GitHub's markdown.

A stranger's code may have made the comparison, so all its text is shown as plain text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from mfbench.foundation.options import output_option, write_or_print
from mfbench.report.comparison_json import read_comparison
from mfbench.report.comparison_text import cells, measured_text
from mfbench.report.glance import costs_text, trust_text, verdict_sentence, where_text
from mfbench.report.words import markdown_table, plain
from mfbench.verdict.rows import Comparison, Row
from mfbench.verdict.verdict import MOVED, Verdict

# By which the comment is found again, to be updated in place.
MARKER = "<!-- metaflow-benchmarks: comparison -->"
HEADER = ("case", "before", "after", "before / after", "verdict")
MOST_ROWS = 10
# As many as fit.
MOST_COLLAPSED = (500, 200, 100, 50, 20, 0)
MOST_CHARACTERS = 60_000
LONGEST_CELL = 160


def as_comment(comparison: Comparison, link: str = "") -> str:
    """Return the comment.

    `link` is the address of the page that shows the comparison. GitHub takes 65,536 characters;
    cases that would be too many are left out.
    """
    every = (*comparison.rows, *comparison.startup)
    moved = sorted((row for row in every if row.failed or row.verdict in MOVED), key=_rank)
    texts = (_with_collapsed(comparison, moved, count, link) for count in MOST_COLLAPSED)
    return next(text for text in texts if len(text) <= MOST_CHARACTERS)


def _with_collapsed(comparison: Comparison, moved: Sequence[Row], count: int, link: str) -> str:
    """Return the comment, with at most `count` more cases in a collapsed section."""
    base, head = (
        f"{_code(side.name)} ({side.commit[:8]})" for side in (comparison.base, comparison.head)
    )
    machine, python = (
        _code(comparison.base.circumstances.get(each, "unknown")) for each in ("machine", "python")
    )
    first = moved[:MOST_ROWS]
    # What costs more must not be lost where not all fit.
    rest = sorted(moved[MOST_ROWS:], key=lambda row: row.verdict is not Verdict.SLOWER)
    lines = [
        MARKER,
        f"### {base} → {head}\n",
        f"**{plain(verdict_sentence(comparison))}.**\n",
        f"- **Where:** {plain(where_text(comparison))}",
        f"- **Costs:** {plain(costs_text(comparison))}",
        f"- **Trust:** {plain(trust_text(comparison))}",
        f"- **Coverage:** {plain(measured_text(comparison))}\n",
        _table(first) if first else "No case is known to have changed.\n",
    ]
    if rest:
        shown = f", of which {count} are shown" if len(rest) > count else ""
        lines.append(f"<details><summary>{len(rest)} more cases have changed{shown}</summary>\n")
        lines += [_table(rest[:count]), "</details>\n"]
    page = f"[The whole comparison]({link}) shows the other cases and all samples. " if link else ""
    lines.append(f"{page}Measured on {machine}, with Python {python}.\n")
    return "\n".join(lines)


def _rank(row: Row) -> tuple[bool, bool, float]:
    """Order rows: what fails, then regressions, then the largest changes."""
    change = abs(math.log(row.ratio)) if row.ratio else math.inf
    return not row.failed, not row.is_regression, -change


def _table(rows: Iterable[Row]) -> str:
    found = []
    for row in rows:
        # Without its throughput, so that the table is narrow.
        told = replace(row, size=None, reason="")
        name, before, after, ratio, _, verdict = cells(told)
        if row.failed:
            verdict = "fails"
        texts = [plain(each, LONGEST_CELL) for each in (before, after, ratio, verdict)]
        if row.reason:
            texts[-1] += f" {_code(row.reason)}"
        found.append([_code(name), *texts])
    return markdown_table(HEADER, found)


def _code(name: str) -> str:
    return f"<code>{plain(name, LONGEST_CELL)}</code>"


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--link", metavar="ADDRESS", default="", help="Address of the page that shows the comparison."
)
@output_option
def command(file: Path, link: str, output: Path | None) -> None:
    """Make the comment on a pull request from a comparison.

    FILE is what mfbench compare --format json wrote. A stranger's code may have made it: whatever
    does not fit its schema is refused, and its texts become plain text.
    """
    write_or_print(as_comment(read_comparison(file), link), output)
