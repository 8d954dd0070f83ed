"""Start-up times of two commits, judged by the same rules as all else, in a table of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median

from mfbench.results.reader import Case
from mfbench.results.startup_times import PLAIN_PYTHON, read_startup
from mfbench.verdict.comparison import timed_row, with_verdicts
from mfbench.verdict.rows import Row
from mfbench.verdict.verdict import Verdict, distance_from_one

BENCHMARK = "startup.Command.time_start"


def startup_rows(records: Path, machine: str, base: str, head: str) -> tuple[Row, ...]:
    """Judge the commands that a machine timed of two commits together, given their full hashes.

    Starting plain Python is the same code on both sides: how far its two medians are apart is the
    control noise of the others. Empty where the two were never timed together.
    """
    timed = read_startup(records, machine, base, head)
    noise = 0.0
    if PLAIN_PYTHON in timed:
        before, after = map(median, timed[PLAIN_PYTHON])
        noise = distance_from_one(before / after)
    rows = []
    for name, (old, new) in timed.items():
        case = Case(BENCHMARK, (name,))
        row = Row(case, "seconds", Verdict.CANT_TELL, "", median(old), median(new))
        row = timed_row(row, old, new)
        if row.evidence is not None:
            row = replace(
                row, evidence=replace(row.evidence, control_noise=noise), control_noise=noise
            )
        if name == PLAIN_PYTHON:
            row = replace(row, verdict=Verdict.SAME_CODE)
        rows.append(row)
    return tuple(with_verdicts(rows))
