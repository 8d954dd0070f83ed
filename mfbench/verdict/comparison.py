"""Two commits compared, case by case, with one verdict for each: what every report is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from mfbench.results.benchmarks import Benchmark
from mfbench.results.reader import Case, Measurement, Side
from mfbench.verdict.intervals import FEWEST_SAMPLES
from mfbench.verdict.rows import COUNT, UNKNOWN, Comparison, Row
from mfbench.verdict.verdict import (
    MOVED,
    TOO_FEW,
    Verdict,
    adjusted,
    judge_count,
    judge_time,
    test_samples,
)

# What checks the answers of other benchmarks, and is in no table: its topic, and its unit.
ANSWERS, WRONG = "answers", "wrong answers"
NO_SAMPLES = "no samples; measure with asv run --record-samples"
DIFFERENT_RUNS = "measured in different runs; measure both in one: mfbench run BASE HEAD"


def compare(
    base: Side,
    head: Side,
    control: Side | None,
    benchmarks: Mapping[str, Benchmark],
    wanted: Callable[[Case], bool] = lambda _: True,
    every_run: bool = False,
) -> Comparison:
    """Compare two sides.

    Parameters
    ----------
    base, head, control
        What was measured; the control may be None.
    benchmarks : mapping of str to Benchmark
        What is declared on each benchmark, by name.
    wanted : callable, optional
        Tells whether to keep the row of a case; no others are corrected for.
    every_run : bool, optional
        Keep the times of all runs: else only those of the run with the most, the latest of equals.
    """
    differences = differing(base, head)
    rows = {}
    for case in sorted(base.cases.keys() | head.cases.keys()):
        declared = benchmarks.get(case.benchmark)
        unit = declared.unit if declared else "seconds"
        # A count may be the witness of a case that is wanted.
        if case.topic != ANSWERS and (unit == COUNT or wanted(case)):
            size = declared.bytes_of(case) if declared else None
            row = Row(case, unit, Verdict.NOT_MEASURED, size=size)
            rows[case] = _unjudged(row, base, head, control, differences, benchmarks)
    found = [_with_witness(row, rows, benchmarks) for case, row in rows.items() if wanted(case)]
    found = _with_runs(found, head)
    kept = [row for row in found if every_run or not row.other_run]
    called = _control_called(base, control, benchmarks, wanted) if control is not None else None
    left_out = len(found) - len(kept)
    return Comparison(base, head, control, tuple(with_verdicts(kept)), (), left_out, called)


def _control_called(
    base: Side,
    control: Side,
    benchmarks: Mapping[str, Benchmark],
    wanted: Callable[[Case], bool],
) -> tuple[int, int] | None:
    """Return in how many timed cases identical code seems to have changed, and of how many."""
    rows = compare(base, control, None, benchmarks, wanted).rows
    judged = [row for row in rows if row.adjusted_p_value is not None]
    return (sum(row.verdict in MOVED for row in judged), len(judged)) if judged else None


def with_verdicts(rows: Sequence[Row]) -> list[Row]:
    """Judge the timed rows of one table, corrected for their number."""
    timed = [row for row in rows if row.evidence and row.verdict is not Verdict.SAME_CODE]
    p_values = adjusted([row.evidence.p_value for row in timed if row.evidence])
    found: dict[Case, Row] = {}
    for row, p_value in zip(timed, p_values):
        assert row.evidence is not None
        verdict, reason = judge_time(row.evidence, p_value, len(timed), row.witness)
        seen = row.evidence.detectable(len(timed))
        found[row.case] = replace(
            row, adjusted_p_value=p_value, verdict=verdict, reason=reason, detectable=seen
        )
    return [found.get(row.case, row) for row in rows]


def differing(base: Side, head: Side) -> str:
    """Say in which circumstances two sides differ; empty where in none."""
    names = base.circumstances.keys() | head.circumstances.keys()
    return ", ".join(
        f"{name} {base.circumstances.get(name, 'missing')} against "
        f"{head.circumstances.get(name, 'missing')}"
        for name in sorted(names)
        if base.circumstances.get(name) != head.circumstances.get(name)
    )


def timed_row(
    row: Row, before: Sequence[float], after: Sequence[float], control: Sequence[float] = ()
) -> Row:
    """Test the samples of a timed row; its verdict depends on the whole table."""
    if min(len(before), len(after)) < FEWEST_SAMPLES:
        return replace(row, verdict=Verdict.CANT_TELL, reason=TOO_FEW)
    # A control of one or two processes would be noise of its own.
    has_control = len(control) >= FEWEST_SAMPLES
    evidence = test_samples(before, after, control if has_control else ())
    noise = evidence.control_noise if has_control else None
    return replace(row, evidence=evidence, control_noise=noise, verdict=Verdict.CANT_TELL)


def _unjudged(
    row: Row,
    base: Side,
    head: Side,
    control: Side | None,
    differences: str,
    benchmarks: Mapping[str, Benchmark],
) -> Row:
    """Return a row with what can be said of it alone, or why nothing can."""
    old, new = base.cases.get(row.case), head.cases.get(row.case)
    if old is None or new is None or not (old.is_known and new.is_known):
        return _not_measured(row, base, head)
    row = replace(row, before=old.value, after=new.value)
    if wrong := _wrong_sides(row.case, (base, head), benchmarks):
        reason = f"its answer is wrong in {' and '.join(side.name for side in wrong)}"
        failed = wrong == [head]
        return replace(row, verdict=Verdict.NOT_COMPARABLE, reason=reason, failed=failed)
    refused = differences or _refusal(row, old, new)
    if refused:
        return replace(row, verdict=Verdict.NOT_COMPARABLE, reason=refused)
    same = control.cases.get(row.case) if control is not None else None
    if same is not None and not (same.is_known and same.version == old.version):
        same = None
    if not row.is_timed:
        verdict, noise = judge_count(old.value, new.value, same.value if same else None, row.unit)
        return replace(row, verdict=verdict, control_noise=noise if same else None)
    if not old.samples or not new.samples:
        reason = "one value per commit" if row.unit == "microseconds" else NO_SAMPLES
        return replace(row, verdict=Verdict.CANT_TELL, reason=reason)
    beside = same.samples if same is not None and old.same_run(same) else ()
    return timed_row(row, old.samples, new.samples, beside)


def _not_measured(row: Row, base: Side, head: Side) -> Row:
    """Say which sides lack a value, and whether that is because the benchmark failed."""
    found = [(side.name, side.cases.get(row.case)) for side in (base, head)]
    failed = [name for name, measured in found if measured and measured.failed]
    missing = [
        name
        for name, measured in found
        if not (measured and measured.is_known) and name not in failed
    ]
    reasons = [f"no result of {' and '.join(missing)}"] if missing else []
    reasons += [f"failed in {' and '.join(failed)}"] if failed else []
    (_, old), (_, new) = found
    breaks = bool(old and old.is_known and new and new.failed)
    return replace(row, reason="; ".join(reasons), failed=breaks)


def _wrong_sides(
    case: Case, sides: Sequence[Side], benchmarks: Mapping[str, Benchmark]
) -> list[Side]:
    """Return the sides at which the case that checks the answer failed, or found it wrong."""
    declared = benchmarks.get(case.benchmark)
    answer = declared.answer_of(case) if declared else None
    # Digests, which older results hold, are right or wrong only beside others.
    checks = benchmarks.get(answer.benchmark) if answer else None
    if answer is None or checks is None or checks.unit != WRONG:
        return []
    found = [(side, side.cases[answer]) for side in sides if answer in side.cases]
    return [side for side, each in found if each.failed or (each.is_known and each.value)]


def _refusal(row: Row, old: Measurement, new: Measurement) -> str:
    """Say why two measurements of a case are not of the same thing; empty where they are."""
    if old.version != new.version:
        return f"version {old.version[:8]} of the benchmark against {new.version[:8]}"
    return DIFFERENT_RUNS if row.is_timed and not old.same_run(new) else ""


def _with_witness(row: Row, rows: Mapping[Case, Row], benchmarks: Mapping[str, Benchmark]) -> Row:
    """Add what was counted for the same work; say if that work is the same code everywhere."""
    declared = benchmarks.get(row.case.benchmark)
    if declared and not declared.runs_metaflow and row.verdict not in UNKNOWN:
        row = replace(row, verdict=Verdict.SAME_CODE, reason="")
    case = declared.witness_of(row.case) if declared else None
    count = rows.get(case) if case is not None else None
    if count is None or count.verdict in UNKNOWN:
        return row
    return replace(row, instructions=count.ratio, witness=count.verdict)


def _with_runs(rows: Sequence[Row], head: Side) -> list[Row]:
    """Mark the times that are not of the run with the most, the latest of equals."""
    run_of = {
        row.case: head.cases[row.case].run
        for row in rows
        if row.is_timed and row.verdict not in UNKNOWN
    }
    runs = Counter(run_of.values())
    shown = max(runs, key=lambda run: (runs[run], run), default=0.0)
    others = {case for case, run in run_of.items() if run != shown}
    return [replace(row, other_run=True) if row.case in others else row for row in rows]
