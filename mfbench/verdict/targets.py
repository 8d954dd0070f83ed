"""Whether a case became as much faster as was wanted."""

from __future__ import annotations

from mfbench.verdict.rows import UNKNOWN, Row


def missed(row: Row | None, at_least: float) -> str:
    """Say whether a factor (before / after) is missed, or met by the median alone.

    Empty where it is met, or was not measured.
    """
    if row is None or row.verdict in UNKNOWN or row.ratio is None:
        return ""
    if row.ratio < at_least:
        return f"Missed: {at_least:.3g}× was wanted."
    if row.evidence is not None and row.evidence.low < at_least:
        return f"The median is above the wanted {at_least:.3g}×, the interval begins below."
    return ""
