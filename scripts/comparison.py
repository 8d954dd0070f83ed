"""Two sides compared, case by case, with one verdict for each: the engine of all reports."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scripts.intervals import FEWEST_SAMPLES
from scripts.measurements import Case, Measurement, Side
from scripts.verdict import (
    TOO_FEW,
    Evidence,
    Verdict,
    adjusted,
    judge_count,
    judge_time,
    weigh,
)
from scripts.witnesses import answer_of, instructions_of, size_of

# In one interleaved run the sides of a case are minutes apart. Times of other runs can't be
# compared: the machine was another one, as it were.
APART = 45 * 60
COUNT = "instructions"
DIGEST = "digest"


@dataclass(frozen=True)
class Row:
    """One case of a comparison.

    Attributes
    ----------
    case : Case
        The case.
    unit : str
        Of its values; "seconds" for what is timed.
    verdict : Verdict
        What can be said.
    reason : str
        Why it is not comparable, or how to find out; may be empty.
    before, after : float or None
        What asv stored; None where it was not measured.
    evidence : Evidence or None
        What its samples say, of what is timed.
    chance : float or None
        The test's probability, adjusted for the whole table.
    floor : float or None
        How far the control was off, as a share.
    instructions : float or None
        After / before of the count beside a timed case.
    disagree : bool
        Whether the time has moved, and the count has not, or the other way.
    size : int or None
        Bytes that it handles.
    """

    case: Case
    unit: str
    verdict: Verdict
    reason: str = ""
    before: float | None = None
    after: float | None = None
    evidence: Evidence | None = None
    chance: float | None = None
    floor: float | None = None
    instructions: float | None = None
    disagree: bool = False
    size: int | None = None

    @property
    def is_timed(self) -> bool:
        """Whether it is a time, which varies, and not a count or a size, which repeats."""
        return self.unit in ("seconds", "microseconds")

    @property
    def ratio(self) -> float | None:
        """After / before; None where there is none."""
        if self.evidence is not None:
            return self.evidence.ratio
        if self.before and self.after is not None:
            return self.after / self.before
        return None

    def megabytes_per_second(self, seconds: float | None) -> float | None:
        """Return how fast that is; None for what has no size."""
        return self.size / seconds / 1e6 if self.size and seconds else None


@dataclass(frozen=True)
class Comparison:
    """All that can be said of two sides.

    Attributes
    ----------
    before, after : Side
        What is compared.
    control : Side or None
        The same code as before, from the same run.
    rows : tuple of Row
        One for each case that either side has.
    """

    before: Side
    after: Side
    control: Side | None
    rows: tuple[Row, ...] = field(default=())

    def count(self, verdict: Verdict) -> int:
        """Return how many rows have a verdict."""
        return sum(row.verdict is verdict for row in self.rows)

    @property
    def measured(self) -> tuple[Row, ...]:
        """The rows on which something can be said, if only that more rounds are needed."""
        nothing = (Verdict.NOT_MEASURED, Verdict.NOT_COMPARABLE)
        return tuple(row for row in self.rows if row.verdict not in nothing)


def geometric_mean(rows: Iterable[Row]) -> float | None:
    """Return the geometric mean of the rows' ratios; None if there are none.

    It is the only mean of ratios that does not depend on which side is below (Fleming and
    Wallace 1986).
    """
    logarithms = [math.log(row.ratio) for row in rows if row.ratio]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else None


def noise_floor(rows: Sequence[Row]) -> float | None:
    """Return within which share of 1 the control's ratio of 95 of 100 timed cases lies."""
    floors = sorted(row.floor for row in rows if row.is_timed and row.floor is not None)
    return floors[math.ceil(0.95 * len(floors)) - 1] if floors else None


def compare(
    before: Side, after: Side, control: Side | None, units: Mapping[str, str]
) -> Comparison:
    """Compare two sides.

    Parameters
    ----------
    before, after : Side
        What was measured of both.
    control : Side or None
        What was measured of the same code as `before`, committed again.
    units : mapping of str to str
        The unit of each benchmark's values.

    Returns
    -------
    Comparison
        Its rows in the order of their names.
    """
    differences = differing(before, after)
    rows = []
    for case in sorted(before.cases.keys() | after.cases.keys()):
        unit = units.get(case.benchmark, "seconds")
        if unit == DIGEST:
            continue
        row = Row(case, unit, Verdict.NOT_MEASURED, size=size_of(case))
        rows.append(_row(row, before, after, control, differences))
    return Comparison(before, after, control, tuple(_with_counts(_judged(rows))))


def differing(before: Side, after: Side) -> str:
    """Say in which circumstances two sides differ; empty where in none."""
    names = before.circumstances.keys() | after.circumstances.keys()
    return ", ".join(
        f"{name} {before.circumstances.get(name, 'missing')} against "
        f"{after.circumstances.get(name, 'missing')}"
        for name in sorted(names)
        if before.circumstances.get(name) != after.circumstances.get(name)
    )


def _row(row: Row, before: Side, after: Side, control: Side | None, differences: str) -> Row:
    """Return a row with its evidence, or why there is none."""
    old, new = before.cases.get(row.case), after.cases.get(row.case)
    if not _has_value(old) or not _has_value(new):
        sides = ((before, old), (after, new))
        missing = [side.name for side, measured in sides if not _has_value(measured)]
        return replace(row, reason=f"no result of {' and '.join(missing)}")
    assert old is not None and new is not None
    row = replace(row, before=old.value, after=new.value)
    refused = differences or _refusal(row, old, new, before, after)
    if refused:
        return replace(row, verdict=Verdict.NOT_COMPARABLE, reason=refused)
    same = control.cases.get(row.case) if control is not None else None
    if same is not None and (not _has_value(same) or same.version != old.version):
        same = None
    if not row.is_timed:
        beside = same.value if same is not None else None
        verdict, floor = judge_count(old.value, new.value, beside, row.unit)
        return replace(row, verdict=verdict, floor=floor if same is not None else None)
    if not old.samples or not new.samples:
        if row.unit == "microseconds":
            return replace(row, verdict=Verdict.CANT_TELL, reason="one value a commit")
        reason = "no samples; measure with asv run --record-samples"
        return replace(row, verdict=Verdict.CANT_TELL, reason=reason)
    if min(len(old.samples), len(new.samples)) < FEWEST_SAMPLES:
        return replace(row, verdict=Verdict.CANT_TELL, reason=TOO_FEW)
    other = same.samples if same is not None and not _apart(old, same) else ()
    evidence = weigh(old.samples, new.samples, other)
    return replace(row, evidence=evidence, floor=evidence.floor if other else None)


def _has_value(measured: Measurement | None) -> bool:
    return measured is not None and not math.isnan(measured.value)


def _refusal(row: Row, old: Measurement, new: Measurement, before: Side, after: Side) -> str:
    """Say why two measurements of a case are not of the same thing; empty where they are."""
    if old.version != new.version:
        return f"version {old.version[:8]} of the benchmark against {new.version[:8]}"
    answer = answer_of(row.case)
    digests = [side.cases.get(answer) for side in (before, after)] if answer else []
    known = [each.value for each in digests if each is not None and not math.isnan(each.value)]
    if len(known) == 2 and known[0] != known[1]:
        return f"its answer differs ({answer})"
    if row.is_timed and _apart(old, new):
        hours = abs(old.began - new.began) / 3600
        return f"measured {hours:.1f} hours apart; measure both in one run: make compare"
    return ""


def _apart(one: Measurement, other: Measurement) -> bool:
    return bool(one.began and other.began and abs(one.began - other.began) > APART)


def _judged(rows: Sequence[Row]) -> list[Row]:
    """Give timed rows their verdicts, corrected for how many they are."""
    timed = [row for row in rows if row.evidence is not None]
    chances = adjusted([row.evidence.probability for row in timed if row.evidence])
    judged: dict[Case, Row] = {}
    for row, chance in zip(timed, chances):
        assert row.evidence is not None
        verdict, reason = judge_time(row.evidence, chance)
        judged[row.case] = replace(row, chance=chance, verdict=verdict, reason=reason)
    return [judged.get(row.case, row) for row in rows]


def _with_counts(rows: Sequence[Row]) -> list[Row]:
    """Put the ratio of instructions beside what is timed, and say where the two disagree."""
    by_case = {row.case: row for row in rows}
    moved = (Verdict.FASTER, Verdict.SLOWER)
    found = []
    for row in rows:
        case = instructions_of(row.case)
        count = by_case.get(case) if case is not None else None
        if count is not None and count.ratio is not None:
            disagree = row.verdict in moved and count.verdict is not row.verdict
            row = replace(row, instructions=count.ratio, disagree=disagree)
        found.append(row)
    return found
