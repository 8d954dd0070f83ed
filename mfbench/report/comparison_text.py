"""A comparison in words: tables for a terminal and, as markdown, for a pull request."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.table import Table

from mfbench.report.words import (
    NO_DIFFERENCE,
    interval_text,
    markdown_table,
    times_text,
    value_text,
)
from mfbench.verdict.intervals import mean_of_ratios
from mfbench.verdict.rows import (
    COUNT,
    UNKNOWN,
    Comparison,
    Row,
    control_noise,
    same_code_noise,
)
from mfbench.verdict.verdict import MOVED, TOO_NOISY, Verdict

COLUMNS = ("case", "before", "after", "before / after", "instructions", "verdict")
MEANS = ("topic", "times", "instructions", "cases")
STARTUP_TITLE = "Start-up in fresh processes, timed by pyperf"
# Of which the summary says what was missed.
MOST_TOPICS = 6
COLOURS = {Verdict.FASTER: "blue", Verdict.SLOWER: "bold yellow"}


def summary_line(comparison: Comparison) -> str:
    """Sum a comparison up in one line."""
    return f"{measured_text(comparison)}; {found_text(comparison)}"


def measured_text(comparison: Comparison) -> str:
    """Say what was measured, and what was not: this comes before any verdict."""
    parts = [f"measured {len(comparison.measured)} of {len(comparison.rows)} cases"]
    for verdict in UNKNOWN:
        if topics := comparison.topics(verdict):
            counts = (f"{topic} {count}" for topic, count in topics.items())
            parts.append(f"{verdict.value}: {', '.join(counts)}")
    if comparison.left_out:
        rows, them = ("row", "it") if comparison.left_out == 1 else ("rows", "them")
        parts.append(
            f"{comparison.left_out} {rows} of other runs left out (--every-run shows {them})"
        )
    return "; ".join(parts)


def found_text(comparison: Comparison) -> str:
    """Say how many cases have each verdict, how noisy the run was, and what it can't have seen."""
    counts = ", ".join(
        f"{count} {verdict.value}"
        for verdict in Verdict
        if verdict not in UNKNOWN and (count := comparison.count(verdict))
    )
    noise = control_noise(comparison.rows)
    parts = [counts or "nothing to judge"]
    parts.append("no control" if noise is None else f"noise of the control ±{100 * noise:.1f}%")
    if (moved := same_code_noise(comparison.rows)) is not None:
        parts.append(f"identical code moved by up to {100 * moved:.0f}% in this run")
    missed = [
        f"{topic} {100 * share:.0f}%" for topic, share in comparison.would_have_missed.items()
    ]
    if missed:
        parts.append(f"would have missed slow-downs below: {', '.join(missed[:MOST_TOPICS])}")
    return "; ".join(parts)


def means(comparison: Comparison) -> list[tuple[str, float | None, float | None, int]]:
    """Return topic, geometric means of before / after of times and counts, and number of cases."""
    judged = [row for row in comparison.measured if row.verdict is not Verdict.SAME_CODE]
    found = []
    for topic in [*sorted({row.case.topic for row in judged}), "all"]:
        rows = [row for row in judged if topic in (row.case.topic, "all")]
        times = mean_of_ratios(row.ratio for row in rows if row.evidence is not None)
        counts = mean_of_ratios(row.ratio for row in rows if row.unit == COUNT)
        if counts is None:
            counts = mean_of_ratios(row.instructions for row in rows)
        found.append((topic, times, counts, len(rows)))
    return found


def cells(row: Row) -> list[str]:
    """Return the texts of a row of the table."""
    ratio = "–"
    if row.ratio is not None and row.verdict is not Verdict.NOT_COMPARABLE:
        ratio = f"{row.ratio:.4g}"
        if row.evidence is not None:
            ratio = f"{row.ratio:.3g} {interval_text(row.evidence.low, row.evidence.high)}"
    return [
        str(row.case),
        _with_throughput(row, row.before),
        _with_throughput(row, row.after),
        ratio,
        "–" if row.instructions is None else f"{row.instructions:.4g}",
        verdict_text(row),
    ]


def _with_throughput(row: Row, value: float | None) -> str:
    text, speed = value_text(value, row.unit), row.megabytes_per_second(value)
    if speed is None:
        return text
    return f"{text} ({speed:,.0f} MB/s)" if speed >= 100 else f"{text} ({speed:.3g} MB/s)"


def verdict_text(row: Row) -> str:
    """Return the verdict, how much has changed, and what else there is to know."""
    text = times_text(row) if row.verdict in MOVED else row.verdict.value
    if row.verdict is Verdict.CANT_TELL and row.evidence and not row.evidence.excludes_one:
        text = NO_DIFFERENCE
        if row.detectable is not None and not row.reason.startswith(TOO_NOISY):
            text += f"; this run could have seen {100 * row.detectable:.0f}%"
    notes = list(filter(None, ["other run" if row.other_run else "", row.reason]))
    if row.disagree and row.witness is not None:
        words = {Verdict.FASTER: "fewer", Verdict.SLOWER: "more", Verdict.SAME: "the same"}
        notes.append(f"instructions: {words.get(row.witness, row.witness.value)}")
    return f"{text} ({'; '.join(notes)})" if notes else text


def as_text(comparison: Comparison, everything: bool, width: int, colours: bool = False) -> str:
    """Return the report for a terminal of some width in characters, or for a file."""
    tables = _tables(comparison, everything)
    return _drawn([measured_text(comparison), *tables, found_text(comparison)], width, colours)


def as_markdown(comparison: Comparison, everything: bool) -> str:
    """Return the report that goes into a pull request."""
    parts = []
    for table in _tables(comparison, everything):
        header = [str(column.header) for column in table.columns]
        rows = zip(*(map(str, column.cells) for column in table.columns))
        parts += [f"### {table.title}\n", markdown_table(header, rows)]
    parts.insert(1, f"{summary_line(comparison)}\n")
    return "\n".join(parts)


def startup_text(rows: Sequence[Row], width: int) -> str:
    """Return the table of start-up times alone."""
    return _drawn([_table(STARTUP_TITLE, rows)], width)


def _tables(comparison: Comparison, everything: bool) -> Iterator[Table]:
    """Yield the tables of cases, of start-up if that was timed, and of geometric means."""
    sides = (comparison.base, comparison.head)
    title = " → ".join(f"{side.name} ({side.commit[:8]})" for side in sides)
    rows = [row for row in comparison.rows if everything or row.failed or row.verdict in MOVED]
    if not everything:
        # What fails now comes first, then what is slower, then what is faster.
        rows.sort(key=lambda row: (not row.failed, row.verdict is not Verdict.SLOWER))
    yield _table(title, rows)
    if comparison.startup:
        yield _table(STARTUP_TITLE, comparison.startup)
    topics = Table(*MEANS, title="Geometric means of before / after", title_justify="left")
    for topic, *ratios, count in means(comparison):
        texts = ("–" if ratio is None else f"{ratio:.3f}" for ratio in ratios)
        topics.add_row(topic, *texts, str(count))
    yield topics


def _table(title: str, rows: Sequence[Row]) -> Table:
    table = Table(*COLUMNS, title=title, title_justify="left")
    if not rows:
        table.add_row("nothing faster, nothing slower among what was measured")
    for row in rows:
        table.add_row(*cells(row), style=COLOURS.get(row.verdict))
    return table


def _drawn(parts: Iterable[Table | str], width: int, colours: bool = False) -> str:
    written = io.StringIO()
    console = Console(
        file=written, width=width, force_terminal=colours, highlight=False, markup=False
    )
    for part in parts:
        # The terminal wraps the summary.
        console.print(part, soft_wrap=isinstance(part, str))
    return written.getvalue()
