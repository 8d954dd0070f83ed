"""Whether a case became as much faster as was wanted."""

from __future__ import annotations

from enum import Enum

from mfbench.verdict.rows import UNKNOWN, Row


class Reached(Enum):
    """How far a target is reached."""

    NO = "no"
    BY_MEDIAN = "by the median, and the confidence interval begins below it"
    YES = "yes"
    UNKNOWN = "not measured"


def judge_target(row: Row | None, at_least: float) -> Reached:
    """Judge a row by its median against the factor (before / after) that was wanted."""
    if row is None or row.verdict in UNKNOWN or row.ratio is None:
        return Reached.UNKNOWN
    if row.ratio < at_least:
        return Reached.NO
    below = row.evidence is not None and row.evidence.low < at_least
    return Reached.BY_MEDIAN if below else Reached.YES
