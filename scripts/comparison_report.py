"""A comparison as people read it: a table for a terminal, markdown for a pull request, JSON."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

from asv.util import human_value
from rich.console import Console
from rich.table import Table

from scripts.comparison import COUNT, Comparison, Row, geometric_mean, noise_floor
from scripts.intervals import mean_of_ratios
from scripts.verdict import Verdict

SCHEMA = 1
COLUMNS = ("case", "before", "after", "after / before", "instructions", "verdict")
STARTUP = "Start-up in fresh processes, by pyperf"
NEWS = (Verdict.SLOWER, Verdict.FASTER)
# Room and modules are not slow or fast; programs read "slower" for more of them all the same.
OF_SIZES = {Verdict.SLOWER: "larger", Verdict.FASTER: "smaller"}
COLOURS = {Verdict.FASTER: "blue", Verdict.SLOWER: "bold yellow"}


def headline(comparison: Comparison) -> str:
    """Say in a line what a comparison came to."""
    measured, every = len(comparison.measured), len(comparison.rows)
    floor = noise_floor(comparison.rows)
    counts = [f"{comparison.count(verdict)} {verdict.value}" for verdict in Verdict]
    known = "no control" if floor is None else f"noise floor ±{100 * floor:.1f}%"
    return f"measured {measured} of {every}: {', '.join(counts)}; {known}"


def means(comparison: Comparison) -> list[tuple[str, float | None, float | None, int]]:
    """Return the geometric mean of times and that of counts, for each topic and for all.

    Returns
    -------
    list of (str, float or None, float or None, int)
        The topic, after / before of times and of counts of instructions, and how many cases.
    """
    topics = sorted({row.case.topic for row in comparison.measured})
    found = []
    for topic in [*topics, "all"]:
        rows = [row for row in comparison.measured if topic in (row.case.topic, "all")]
        times = geometric_mean(row for row in rows if row.evidence is not None)
        counts = mean_of_counts(rows)
        found.append((topic, times, counts, len(rows)))
    return found


def mean_of_counts(rows: Sequence[Row]) -> float | None:
    """Return the geometric mean of counts: of those among the rows, or else beside them."""
    own = geometric_mean(row for row in rows if row.unit == COUNT)
    return mean_of_ratios(row.instructions for row in rows) if own is None else own


def shown(comparison: Comparison, everything: bool) -> list[Row]:
    """Return the rows that a person wants to see: news first, and all else if asked for."""
    if everything:
        return list(comparison.rows)
    failed = [row for row in comparison.rows if row.failed]
    return failed + [row for verdict in NEWS for row in comparison.rows if row.verdict is verdict]


def value_text(row: Row, value: float | None) -> str:
    """Return a value with its unit, and how many MB/s that are."""
    if value is None:
        return "–"
    if row.unit == COUNT:
        return f"{value / 1e6:.1f} M"
    known = row.unit in ("seconds", "bytes")
    text = str(human_value(value, row.unit)) if known else f"{value:.6g} {row.unit}"
    speed = row.megabytes_per_second(value) if row.unit == "seconds" else None
    return f"{text} ({speed:.3g} MB/s)" if speed else text


def ratio_text(row: Row) -> str:
    """Return the ratio, with its interval where there is one."""
    if row.ratio is None or row.verdict is Verdict.NOT_COMPARABLE:
        return "–"
    if row.evidence is None:
        return f"{row.ratio:.4g}"
    return f"{row.ratio:.3g} ({row.evidence.low:.3g}–{row.evidence.high:.3g})"


def verdict_text(row: Row) -> str:
    """Return the verdict, how much that is, and what else is to be known."""
    text = row.verdict.value
    if not row.is_timed and row.unit != COUNT:
        text = OF_SIZES.get(row.verdict, text)
    if row.verdict in NEWS and row.ratio:
        text += f" {row.ratio if row.ratio > 1 else 1 / row.ratio:.3g}×"
    if row.verdict is Verdict.CANT_TELL and row.detectable is not None:
        text += f" below {100 * row.detectable:.0f}%"
    notes = [row.reason] if row.reason else []
    if row.disagree and row.witness is not None:
        notes.append(f"instructions: {row.witness.value}")
    return text + (f" ({'; '.join(notes)})" if notes else "")


def cells(row: Row) -> list[str]:
    """Return what stands in a row of a table."""
    count = row.instructions
    return [
        str(row.case),
        value_text(row, row.before),
        value_text(row, row.after),
        ratio_text(row),
        "–" if count is None else f"{count:.4g}",
        verdict_text(row),
    ]


def as_text(comparison: Comparison, everything: bool, width: int, colours: bool = False) -> str:
    """Return the table for a terminal of some width in characters, or for a file."""
    table = Table(*COLUMNS, title=title(comparison), title_justify="left")
    for row in shown(comparison, everything):
        table.add_row(*cells(row), style=COLOURS.get(row.verdict))
    topics = Table("topic", "times", "instructions", "cases", title="geometric means")
    for topic, times, counts, count in means(comparison):
        topics.add_row(topic, _mean(times), _mean(counts), str(count))
    written = io.StringIO()
    console = Console(
        file=written, width=width, force_terminal=colours, highlight=False, markup=False
    )
    if table.row_count:
        console.print(table)
    else:
        console.print(f"{title(comparison)}: nothing faster, nothing slower")
    if comparison.startup:
        startup = Table(*COLUMNS, title=STARTUP, title_justify="left")
        for row in comparison.startup:
            startup.add_row(*cells(row), style=COLOURS.get(row.verdict))
        console.print(startup)
    console.print(topics)
    console.print(headline(comparison), soft_wrap=True)
    return written.getvalue()


def title(comparison: Comparison) -> str:
    """Name both sides."""
    sides = (comparison.before, comparison.after)
    before, after = (f"{side.name} ({side.commit[:8]})" for side in sides)
    return f"{before} → {after}"


def as_markdown(comparison: Comparison, everything: bool) -> str:
    """Return the report that goes into a pull request."""
    lines = [f"### {title(comparison)}", "", headline(comparison), ""]
    rows = [cells(row) for row in shown(comparison, everything)]
    lines += _markdown(COLUMNS, rows) if rows else ["Nothing faster, nothing slower."]
    if comparison.startup:
        lines += ["", f"{STARTUP}:", "", *_markdown(COLUMNS, map(cells, comparison.startup))]
    lines += ["", "Geometric means of after / before:", ""]
    topics = [
        [topic, _mean(times), _mean(counts), str(count)]
        for topic, times, counts, count in means(comparison)
    ]
    lines += _markdown(("topic", "times", "instructions", "cases"), topics)
    return "\n".join(lines) + "\n"


def as_json(comparison: Comparison) -> str:
    """Return all that is known, for programs; docs/method.md describes it."""
    return json.dumps(document(comparison), indent=1, allow_nan=False) + "\n"


def document(comparison: Comparison) -> dict[str, Any]:
    """Return all that is known as JSON's types."""
    sides = {"before": comparison.before, "after": comparison.after, "control": comparison.control}
    return {
        "schema": SCHEMA,
        **{
            role: None if side is None else {"name": side.name, "commit": side.commit}
            for role, side in sides.items()
        },
        "circumstances": dict(comparison.before.circumstances),
        "summary": {
            "measured": len(comparison.measured),
            "cases": len(comparison.rows),
            "verdicts": {verdict.value: comparison.count(verdict) for verdict in Verdict},
            "noise_floor": noise_floor(comparison.rows),
            "geometric_means": [
                {"topic": topic, "times": times, "instructions": counts, "cases": count}
                for topic, times, counts, count in means(comparison)
            ],
        },
        "rows": [_row(row) for row in comparison.rows],
        "startup": [_row(row) for row in comparison.startup],
    }


def _row(row: Row) -> dict[str, Any]:
    evidence = row.evidence
    return {
        "benchmark": row.case.benchmark,
        "parameters": list(row.case.parameters),
        "topic": row.case.topic,
        "unit": row.unit,
        "before": row.before,
        "after": row.after,
        "ratio": _finite(row.ratio),
        "low": evidence.low if evidence else None,
        "high": evidence.high if evidence else None,
        "chance": row.chance,
        "floor": _finite(row.floor),
        "detectable": row.detectable,
        "processes": evidence.processes if evidence else None,
        "instructions": row.instructions,
        "witness": row.witness.value if row.witness else None,
        "disagree": row.disagree,
        "failed": row.failed,
        "megabytes_per_second": [
            row.megabytes_per_second(row.before),
            row.megabytes_per_second(row.after),
        ]
        if row.size
        else None,
        "verdict": row.verdict.value,
        "reason": row.reason,
    }


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _mean(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.3f}"


def _markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *escaped]
    return [f"| {' | '.join(line)} |" for line in lines]
