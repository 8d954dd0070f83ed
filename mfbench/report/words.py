"""One row of a comparison in words, and tables in markdown: what all reports share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_UP, Context

from mfbench.verdict.rows import COUNT, UNKNOWN, Row
from mfbench.verdict.verdict import MOVED, Verdict

NO_DIFFERENCE = "no difference seen"
# Of a plain text, in characters, before escaping; an escape such as &#95; takes five.
LONGEST = 600
# As in dashboard/page/text.js.
UNITS = {
    "seconds": ((1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "bytes": ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"), (1, "B")),
}


def value_text(value: float | None, unit: str) -> str:
    """Return a value with its unit."""
    if value is None:
        return "–"
    if unit == COUNT:
        return f"{value / 1e6:.1f} M"
    if unit == "microseconds":
        value, unit = value / 1e6, "seconds"
    if unit not in UNITS:
        return f"{value:.6g} {unit}"
    size, name = next((each for each in UNITS[unit] if value >= 0.9995 * each[0]), UNITS[unit][-1])
    return f"{_three_digits(value / size)} {name}"


def _three_digits(number: float) -> str:
    """Return a number in three digits, zeros included: 12.0, 289, 1230."""
    if 0 < number < 999.5:
        return f"{number:#.3g}".rstrip(".")
    return f"{float(f'{number:.3g}'):.0f}"


def change_text(row: Row | None) -> str:
    """Return the values before and after."""
    if row is None:
        return "–"
    return " → ".join(value_text(value, row.unit) for value in (row.before, row.after))


def times_text(row: Row) -> str:
    """Return the ratio as people say it: 2.5× faster, 1.1× slower, 1.04× larger."""
    if not row.ratio:
        return row.verdict.value
    better, worse = ("smaller", "larger") if row.unit == "bytes" else ("fewer", "more")
    if row.is_timed:
        better, worse = "faster", "slower"
    times = max(row.ratio, 1 / row.ratio)
    # What repeats is known to more digits than a time. A half is rounded up, as the page does it.
    digits = 3 if row.is_timed else 4
    rounded = Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(times)
    return f"{float(rounded):.{digits}g}× {better if row.ratio >= 1 else worse}"


def interval_text(low: float, high: float) -> str:
    """Return a confidence interval."""
    return f"({low:.3g}–{high:.3g})"


def speed_up_text(row: Row | None) -> str:
    """Return how much faster a row became, with the interval; or why nobody can tell."""
    if row is None:
        return Verdict.NOT_MEASURED.value
    if row.verdict in UNKNOWN:
        # What to do about it, after the semicolon, is for terminals.
        return f"{row.verdict.value}: {row.reason.partition(';')[0]}"
    if row.verdict is Verdict.CANT_TELL:
        noticed = row.evidence is None or row.evidence.excludes_one
        return f"{row.verdict.value}: {row.reason}" if noticed else NO_DIFFERENCE
    if row.verdict not in MOVED:
        return row.verdict.value
    text = f"**{times_text(row)}**"
    if row.evidence is None:
        return text
    low, high = row.evidence.low, row.evidence.high
    if row.evidence.ratio < 1:
        # "2 times slower" is a ratio of 0.5: the interval has to say it the same way round.
        low, high = 1 / high, 1 / low
    return f"{text} {interval_text(low, high)}"


def noise_text(row: Row | None) -> str:
    """Return how far the control, which is identical code, is from the base in the same run."""
    noise = row.control_noise if row else None
    return "–" if noise is None else f"±{100 * noise:.1f}%"


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in markdown."""
    escaped = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *escaped]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def plain(text: str, longest: int = LONGEST) -> str:
    """Return a text that GitHub shows as it is: no markup, no link, no name that is notified."""
    short = text if len(text) <= longest else f"{text[: longest - 1]}…"
    allowed = re.sub(r"[^\w .,;:'()+=/%±×→–…-]", "?", short)
    # Only where GitHub would make a link or markup: mails show escapes as they are.
    pattern = r"_|\.(?=[^\W\d])|(?<=w)\.|:(?=/)"
    return re.sub(pattern, lambda found: f"&#{ord(found[0])};", allowed)
