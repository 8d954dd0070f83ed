"""Two sides compared, case by case, with one verdict for each: the engine of all reports."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scripts.intervals import FEWEST_SAMPLES, mean_of_ratios
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
NO_SAMPLES = "no samples; measure with asv run --record-samples"
MOVED = (Verdict.FASTER, Verdict.SLOWER)


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
    detectable : float or None
        The smallest slow-down that the run would have seen four times out of five, as a share.
    instructions : float or None
        After / before of the count beside a timed case.
    witness : Verdict or None
        The verdict on that count.
    size : int or None
        Bytes that it handles.
    failed : bool
        Whether it was measured before, and fails after.
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
    detectable: float | None = None
    instructions: float | None = None
    witness: Verdict | None = None
    size: int | None = None
    failed: bool = False

    @property
    def disagree(self) -> bool:
        """Whether the time has moved, and the count has not, or the other way."""
        if self.witness is None or self.verdict is self.witness:
            return False
        return self.verdict in MOVED or (self.verdict is Verdict.SAME and self.witness in MOVED)

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
    startup : tuple of Row
        One for each command that pyperf timed of both, a table of their own.
    """

    before: Side
    after: Side
    control: Side | None
    rows: tuple[Row, ...] = field(default=())
    startup: tuple[Row, ...] = ()

    def count(self, verdict: Verdict) -> int:
        """Return how many rows have a verdict."""
        return sum(row.verdict is verdict for row in self.rows)

    @property
    def measured(self) -> tuple[Row, ...]:
        """The rows on which something can be said, if only that more rounds are needed."""
        nothing = (Verdict.NOT_MEASURED, Verdict.NOT_COMPARABLE)
        return tuple(row for row in self.rows if row.verdict not in nothing)


def geometric_mean(rows: Iterable[Row]) -> float | None:
    """Return the geometric mean of the rows' ratios; None if there are none."""
    return mean_of_ratios(row.ratio for row in rows)


def noise_floor(rows: Sequence[Row]) -> float | None:
    """Return within which share of 1 the control's ratio of 95 of 100 timed cases lies."""
    floors = sorted(row.floor for row in rows if row.is_timed and row.floor is not None)
    return floors[math.ceil(0.95 * len(floors)) - 1] if floors else None


def compare(
    before: Side,
    after: Side,
    control: Side | None,
    units: Mapping[str, str],
    topics: Sequence[str] = (),
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
    topics : sequence of str, optional
        Keep the rows of these; chance is then corrected for no others.

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
    chosen = [row for row in rows if not topics or row.case.topic in topics]
    counts = {row.case: row for row in rows if row.unit == COUNT}
    found = tuple(_with_count(row, counts) for row in judged(chosen))
    return Comparison(before, after, control, found)


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
    """Return a row with what can be said of it alone, or why nothing can."""
    old, new = before.cases.get(row.case), after.cases.get(row.case)
    if not _has_value(old) or not _has_value(new):
        return _not_measured(row, before, after)
    assert old is not None and new is not None
    row = replace(row, before=old.value, after=new.value)
    refused = differences or _refusal(row, old, new, before, after)
    if refused:
        return replace(row, verdict=Verdict.NOT_COMPARABLE, reason=refused)
    same = control.cases.get(row.case) if control is not None else None
    if same is not None and (not _has_value(same) or same.version != old.version):
        same = None
    return (_timed if row.is_timed else _repeating)(row, old, new, same)


def _not_measured(row: Row, before: Side, after: Side) -> Row:
    """Say which sides lack a value, and whether that is because it failed."""
    sides = [(side.name, side.cases.get(row.case)) for side in (before, after)]
    failed = [name for name, found in sides if found is not None and found.failed]
    missing = [name for name, found in sides if not _has_value(found) and name not in failed]
    reasons = [f"no result of {' and '.join(missing)}"] if missing else []
    reasons += [f"failed in {' and '.join(failed)}"] if failed else []
    breaks = _has_value(sides[0][1]) and sides[1][1] is not None and sides[1][1].failed
    return replace(row, reason="; ".join(reasons), failed=breaks)


def _repeating(row: Row, old: Measurement, new: Measurement, same: Measurement | None) -> Row:
    """Judge what repeats."""
    beside = same.value if same is not None else None
    verdict, floor = judge_count(old.value, new.value, beside, row.unit)
    return replace(row, verdict=verdict, floor=floor if same is not None else None)


def _timed(row: Row, old: Measurement, new: Measurement, same: Measurement | None) -> Row:
    """Weigh what is timed; the verdict on it depends on the whole table."""
    reason = ""
    if not old.samples or not new.samples:
        once = row.unit == "microseconds"
        reason = "one value a commit" if once else NO_SAMPLES
    elif min(len(old.samples), len(new.samples)) < FEWEST_SAMPLES:
        reason = TOO_FEW
    if reason:
        return replace(row, verdict=Verdict.CANT_TELL, reason=reason)
    # A control of one or two processes would be noise of its own.
    known = same is not None and len(same.samples) >= FEWEST_SAMPLES and not _apart(old, same)
    evidence = weigh(old.samples, new.samples, same.samples if known and same is not None else ())
    return replace(row, evidence=evidence, floor=evidence.floor if known else None)


def _has_value(measured: Measurement | None) -> bool:
    return measured is not None and not math.isnan(measured.value)


def _refusal(row: Row, old: Measurement, new: Measurement, before: Side, after: Side) -> str:
    """Say why two measurements of a case are not of the same thing; empty where they are."""
    if old.version != new.version:
        return f"version {old.version[:8]} of the benchmark against {new.version[:8]}"
    answer = answer_of(row.case)
    said, says = (side.cases.get(answer) if answer else None for side in (before, after))
    if said is not None and says is not None and said.version == says.version:
        if _has_value(said) and says.failed:
            return f"its answer could not be checked ({answer} failed)"
        if _has_value(said) and _has_value(says) and said.value != says.value:
            return f"its answer differs ({answer})"
    if row.is_timed and _apart(old, new):
        hours = abs(old.began - new.began) / 3600
        return f"measured {hours:.1f} hours apart; measure both in one run: make compare"
    return ""


def _apart(one: Measurement, other: Measurement) -> bool:
    return bool(one.began and other.began and abs(one.began - other.began) > APART)


def judged(rows: Sequence[Row]) -> list[Row]:
    """Give timed rows their verdicts, corrected for how many they are."""
    timed = [row for row in rows if row.evidence is not None]
    chances = adjusted([row.evidence.probability for row in timed if row.evidence])
    found: dict[Case, Row] = {}
    for row, chance in zip(timed, chances):
        assert row.evidence is not None
        verdict, reason = judge_time(row.evidence, chance, len(timed))
        seen = row.evidence.detectable(len(timed))
        found[row.case] = replace(
            row, chance=chance, verdict=verdict, reason=reason, detectable=seen
        )
    return [found.get(row.case, row) for row in rows]


def _with_count(row: Row, counts: Mapping[Case, Row]) -> Row:
    """Put the ratio of instructions and the verdict on it beside what is timed."""
    case = instructions_of(row.case)
    count = counts.get(case) if case is not None else None
    if count is None or count.verdict in (Verdict.NOT_MEASURED, Verdict.NOT_COMPARABLE):
        return row
    return replace(row, instructions=count.ratio, witness=count.verdict)
