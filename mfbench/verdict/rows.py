"""The rows of a comparison, and what they say of the noise of their run."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from mfbench.results.reader import Case, Side
from mfbench.verdict.verdict import MOVED, Evidence, Verdict, distance_from_one

COUNT = "instructions"
UNKNOWN = (Verdict.NOT_MEASURED, Verdict.NOT_COMPARABLE)


@dataclass(frozen=True)
class Row:
    """One case of a comparison.

    Attributes
    ----------
    case : Case
        The case.
    unit : str
        The unit of its values; "seconds" for what is timed.
    verdict : Verdict
        What can be said.
    reason : str
        Why there is no clear verdict, or what would help; may be empty.
    before, after : float or None
        What asv stored of base and head; None where it was not measured.
    evidence : Evidence or None
        What the samples of a timed case say.
    adjusted_p_value : float or None
        The p-value, adjusted for the number of cases.
    control_noise : float or None
        How far the control is from the base, as a share.
    detectable : float or None
        The smallest change that the run would have seen four times out of five, as a share.
    instructions : float or None
        Before / after of the instructions counted for the same work.
    witness : Verdict or None
        The verdict on that count.
    other_run : bool
        Whether it was timed in another run than most timed rows.
    size : int or None
        The bytes that the case handles.
    failed : bool
        Whether it worked at the base, and fails or answers wrongly at the head.
    """

    case: Case
    unit: str
    verdict: Verdict
    reason: str = ""
    before: float | None = None
    after: float | None = None
    evidence: Evidence | None = None
    adjusted_p_value: float | None = None
    control_noise: float | None = None
    detectable: float | None = None
    instructions: float | None = None
    witness: Verdict | None = None
    size: int | None = None
    failed: bool = False
    other_run: bool = False

    @property
    def disagree(self) -> bool:
        """Whether only one of time and instructions has changed, or both in opposite ways."""
        if self.witness is None or self.verdict is self.witness:
            return False
        return self.verdict in MOVED or (self.verdict is Verdict.SAME and self.witness in MOVED)

    @property
    def is_timed(self) -> bool:
        """Whether it is a time, which varies, and not a count or a size, which repeats."""
        return self.unit in ("seconds", "microseconds")

    @property
    def is_regression(self) -> bool:
        """Whether a pull request should not be merged with it."""
        slower = self.verdict is Verdict.SLOWER and (self.is_timed or self.unit == COUNT)
        return self.failed or slower

    @property
    def ratio(self) -> float | None:
        """Before / after, above 1 for faster or less; None where there is none."""
        if self.evidence is not None:
            return self.evidence.ratio
        if self.before is not None and self.after:
            return self.before / self.after
        return None

    def megabytes_per_second(self, seconds: float | None) -> float | None:
        """Return the throughput at a time; None for what has no size."""
        return self.size / seconds / 1e6 if self.size and seconds else None


@dataclass(frozen=True)
class Comparison:
    """All that can be said of two commits.

    Attributes
    ----------
    base, head : Side
        What is compared.
    control : Side or None
        The code of the base, committed once more and measured in the same run.
    rows : tuple of Row
        One for each case that either side has, in the order of their names.
    startup : tuple of Row
        One for each command that pyperf timed of both: a table of its own.
    left_out : int
        How many rows of other runs are not among the rows.
    control_called : tuple of int, or None
        In how many timed cases the control alone, compared with the base, was called faster or
        slower, and of how many; None without a control.
    """

    base: Side
    head: Side
    control: Side | None
    rows: tuple[Row, ...] = ()
    startup: tuple[Row, ...] = ()
    left_out: int = 0
    control_called: tuple[int, int] | None = None

    def count(self, verdict: Verdict) -> int:
        """Return how many rows have a verdict."""
        return sum(row.verdict is verdict for row in self.rows)

    def row(self, name: str) -> Row | None:
        """Return the row of a case by asv's name; None where neither side has it."""
        return next((row for row in self.rows if str(row.case) == name), None)

    @property
    def measured(self) -> tuple[Row, ...]:
        """The rows that have a verdict, if only that more rounds are needed."""
        return tuple(row for row in self.rows if row.verdict not in UNKNOWN)

    def topics(self, verdict: Verdict) -> dict[str, int]:
        """Return how many rows of each topic have a verdict, most first."""
        found = Counter(row.case.topic for row in self.rows if row.verdict is verdict)
        return dict(found.most_common())

    @property
    def would_have_missed(self) -> dict[str, float]:
        """By topic, the median change that its timed rows would have seen; the largest first."""
        found: dict[str, list[float]] = {}
        for row in self.rows:
            if row.detectable is not None:
                found.setdefault(row.case.topic, []).append(row.detectable)
        medians = {topic: median(shares) for topic, shares in found.items()}
        return dict(sorted(medians.items(), key=lambda each: each[1], reverse=True))

    @property
    def regressions(self) -> tuple[Row, ...]:
        """The rows that a pull request should not be merged with, start-up included."""
        return tuple(row for row in (*self.rows, *self.startup) if row.is_regression)


def control_noise(rows: Sequence[Row]) -> float | None:
    """Return the share of 1 within which the control's ratio of 95% of the timed cases lies."""
    known = sorted(
        row.control_noise for row in rows if row.is_timed and row.control_noise is not None
    )
    return known[math.ceil(0.95 * len(known)) - 1] if known else None


def same_code_noise(rows: Iterable[Row]) -> float | None:
    """Return the largest change, as a share, of a case that runs no code of metaflow.

    Both sides ran the same code, so that an interval that leaves out 1 is noise: a second control.
    None where every interval holds 1.
    """
    return max(
        (
            distance_from_one(row.evidence.ratio)
            for row in rows
            if row.verdict is Verdict.SAME_CODE and row.evidence and row.evidence.excludes_one
        ),
        default=None,
    )
