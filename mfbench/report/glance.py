"""What a comparison says at a glance: a headline, and in a line each, where, costs and trust.

dashboard/page/glance.js says the same of any pair; a test holds both equal.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Context, Decimal
from statistics import median
from typing import Any

from mfbench.report.comparison_text import means
from mfbench.report.words import times_text
from mfbench.results.reader import Case
from mfbench.verdict.rows import Comparison, Row
from mfbench.verdict.verdict import MOVED, Verdict

MOST_SAID = 5
MOST_COSTS = 4
MOST_TOPICS = 6
LEAST_MEAN = 0.05


def verdict_sentence(comparison: Comparison) -> str:
    """Say how many cases are faster, slower, and a regression."""
    if not comparison.measured:
        return "No case of these two commits can be compared"
    faster, slower = map(comparison.count, (Verdict.FASTER, Verdict.SLOWER))
    count = sum(row.is_regression for row in comparison.rows)
    return (
        f"cases that are faster or need less: {faster}; that are slower or need more: {slower}; "
        f"regressions (slower, more instructions, or failing): {count}"
    )


def headline(comparison: Comparison, highlights: Iterable[Mapping[str, Any]]) -> str:
    """Say how the first cases that people wait for have changed.

    `highlights` has, for each thing that they wait for, a label and the names of cases.
    """
    rows = ((each["label"], changed_row(comparison, each["cases"])) for each in highlights)
    said = [f"{label} {times_and_unit(row)}" for label, row in rows if row is not None]
    return ", ".join(said[:MOST_SAID]) or "no case that people wait for has changed"


def changed_row(comparison: Comparison, names: Iterable[str]) -> Row | None:
    """Return the first row of some cases that has changed."""
    rows = filter(None, map(comparison.row, names))
    return next((row for row in rows if row.verdict in MOVED and row.ratio), None)


def times_and_unit(row: Row) -> str:
    """Return the ratio as people say it, with what is counted: 2.5× fewer instructions."""
    return times_text(row) if row.is_timed else f"{times_text(row)} {row.unit}"


def where_text(comparison: Comparison) -> str:
    """Say which topics changed most: the geometric mean of times, or of counts without any."""
    ratios = [
        (topic, times or counts) for topic, times, counts, _ in means(comparison) if topic != "all"
    ]
    moved = [(topic, ratio) for topic, ratio in ratios if ratio and abs(ratio - 1) > LEAST_MEAN]
    moved.sort(key=lambda each: -abs(math.log(each[1])))
    told = ", ".join(f"{topic} {_digits(ratio)}×" for topic, ratio in moved[:MOST_TOPICS])
    return f"mean of before / after: {told}" if told else "no topic changed by more than 5%"


def costs_text(comparison: Comparison) -> str:
    """Say which cases got slower, larger or more, or fail, the worst first."""
    said = [
        f"{row.case.topic}: {human_name(row.case)} fails" for row in comparison.rows if row.failed
    ]
    slower = [r for r in comparison.rows if r.verdict is Verdict.SLOWER and not r.failed]
    groups = []
    for _, found in itertools.groupby(slower, key=lambda row: row.case.benchmark):
        members = list(found)
        times = sorted(1 / row.ratio if row.ratio else math.inf for row in members)
        least, most = _cost_text(times[0]), _cost_text(times[-1])
        case = members[0].case
        text = f"{case.topic}: {human_name(case)} {most}"
        if len(members) > 1:
            range_text = most if least == most else f"{least} to {most}"
            name = f"{case.topic}: {benchmark_words(case)}"
            text = f"{name} {range_text} in {len(members)} cases"
        groups.append((times[-1], text))
    groups.sort(key=lambda each: -each[0])
    said += [text for _, text in groups]
    more = len(said) - MOST_COSTS
    rest = f"; and {more} more" if more > 0 else ""
    return "; ".join(said[:MOST_COSTS]) + rest if said else "none seen"


def trust_text(comparison: Comparison) -> str:
    """Say how far the numbers can be trusted."""
    said = ["no control was measured"]
    if comparison.control_called is not None:
        called, judged = comparison.control_called
        text = "the control, identical code, was called faster or slower"
        said = [f"{text} in {called} of {judged} timed cases"]
    noises = [r.control_noise for r in comparison.rows if r.is_timed]
    known = [noise for noise in noises if noise is not None]
    if known:
        said.append(f"median noise ±{100 * median(known):.1f}%")
    missed = [row.detectable for row in comparison.rows if row.detectable is not None]
    if missed:
        share = f"{100 * median(missed):.0f}%"
        said.append(f"a typical timed case would have missed slow-downs below {share}")
    return "; ".join(said)


def human_name(case: Case) -> str:
    """Return a case in words: "save float64 8 MB"."""
    values = (re.sub(r"(\d)([KMG]?B)\b", r"\1 \2", v.replace("-", " ")) for v in case.parameters)
    return " ".join(filter(None, (benchmark_words(case), ", ".join(values))))


def benchmark_words(case: Case) -> str:
    """Return a benchmark without its topic: FirstDiscovery.time_discover is "first discovery"."""
    kind, method = case.benchmark.split(".")[-2:]
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", kind).lower().split(" ")
    more = re.sub(r"^(time|timeraw|track|peakmem|mem)_", "", method).split("_")
    new = [each for each in more if not any(word.startswith(each[:5]) for word in words)]
    return " ".join((*words, *new))


def _cost_text(times: float) -> str:
    """Return how much more something takes: +8%, or 2.5× from twice as much on."""
    if math.isinf(times):
        return "from 0"
    if times >= 2:
        return f"{_digits(times)}×"
    percent = Decimal(100 * (times - 1))
    # A half is rounded up, as the page does it.
    step = Decimal("0.1") if percent < 10 else Decimal(1)
    return f"+{percent.quantize(step, ROUND_HALF_UP)}%"


def _digits(number: float) -> str:
    """Return a number in three digits; a half is rounded up, as the page does it."""
    return f"{float(Context(prec=3, rounding=ROUND_HALF_UP).create_decimal(number)):.15g}"
