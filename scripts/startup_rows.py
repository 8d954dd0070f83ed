"""What scripts.startup found of two commits, judged by the same rules as all else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import median

from scripts.comparison import Row, judged
from scripts.intervals import FEWEST_SAMPLES
from scripts.measurements import Case
from scripts.verdict import TOO_FEW, Verdict, off, weigh

FOLDER = "pyperf"
BENCHMARK = "startup.Command.time_start"


def startup_rows(results: Path, before: str, after: str) -> tuple[Row, ...]:
    """Judge the commands that were timed of both commits together.

    They are a table of their own, for they are of a run of their own: chance is corrected for how
    many they are, and what plain Python differs by stands for the control.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results.
    before, after : str
        Full hashes.

    Returns
    -------
    tuple of Row
        Empty where the two were never timed together.
    """
    if not (results / FOLDER / f"{before[:8]}.json").exists():
        return ()
    # Not above: loading pyperf takes as long as a comparison.
    from scripts.pyperf_results import CONTROL, timed_together

    timed = timed_together(results / FOLDER, before, after)
    floor = 0.0
    if CONTROL in timed:
        plain = [median(values) for values in timed[CONTROL]]
        floor = off(plain[1] / plain[0])
    rows = []
    for name, (old, new) in timed.items():
        case = Case(BENCHMARK, (name,))
        row = Row(case, "seconds", Verdict.CANT_TELL, TOO_FEW, median(old), median(new))
        if min(len(old), len(new)) >= FEWEST_SAMPLES:
            own = 0.0 if name == CONTROL else floor
            row = replace(row, evidence=replace(weigh(old, new), floor=own), floor=own)
        rows.append(row)
    return tuple(judged(rows))
