"""Two commits compared, case by case, with one verdict for each: what every report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mfbench.results.benchmarks import Benchmark
from mfbench.results.reader import Case, Measurement, Side
from mfbench.verdict.intervals import FEWEST_SAMPLES
from mfbench.verdict.rows import COUNT, UNKNOWN, Comparison, Row
from mfbench.verdict.verdict import (
    TOO_FEW,
    Verdict,
    adjusted,
    judge_count,
    judge_time,
    test_samples,
)

# Seconds. In one interleaved run the samples of a case are minutes apart; after a longer time, a
# shared machine may be faster or slower.
APART = 45 * 60
DIGEST = "digest"
NO_SAMPLES = "no samples; measure with asv run --record-samples"


def compare(
    base: Side,
    head: Side,
    control: Side | None,
    benchmarks: Mapping[str, Benchmark],
    topics: Sequence[str] = (),
) -> Comparison:
    """Compare two sides.

    Parameters
    ----------
    base, head, control
        What was measured; the control may be None.
    benchmarks : mapping of str to Benchmark
        What is declared on each benchmark, by name.
    topics : sequence of str, optional
        Keep only the rows of these, and correct for no others.
    """
    differences = differing(base, head)
    rows = []
    for case in sorted(base.cases.keys() | head.cases.keys()):
        declared = benchmarks.get(case.benchmark)
        unit = declared.unit if declared else "seconds"
        if unit == DIGEST or (topics and case.topic not in topics):
            continue
        row = Row(
            case, unit, Verdict.NOT_MEASURED, size=declared.bytes_of(case) if declared else None
        )
        row = _unjudged(row, base, head, control, differences, declared)
        if declared and not declared.runs_metaflow and row.verdict not in UNKNOWN:
            row = replace(row, verdict=Verdict.SAME_CODE, reason="")
        rows.append(row)
    counts = _counts(base, head, control, benchmarks, differences)
    found = tuple(_with_witness(row, counts, benchmarks) for row in with_verdicts(rows))
    return Comparison(base, head, control, found)


def with_verdicts(rows: Sequence[Row]) -> list[Row]:
    """Judge the timed rows of one table, corrected for their number."""
    timed = [row for row in rows if row.evidence and row.verdict is not Verdict.SAME_CODE]
    p_values = adjusted([row.evidence.p_value for row in timed if row.evidence])
    found: dict[Case, Row] = {}
    for row, p_value in zip(timed, p_values):
        assert row.evidence is not None
        verdict, reason = judge_time(row.evidence, p_value, len(timed))
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
    declared: Benchmark | None,
) -> Row:
    """Return a row with what can be said of it alone, or why nothing can."""
    old, new = base.cases.get(row.case), head.cases.get(row.case)
    if old is None or new is None or not (old.is_known and new.is_known):
        return _not_measured(row, base, head)
    row = replace(row, before=old.value, after=new.value)
    refused = differences or _refusal(row, old, new, base, head, declared)
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
    beside = same.samples if same is not None and not _apart(old, same) else ()
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


def _refusal(
    row: Row,
    old: Measurement,
    new: Measurement,
    base: Side,
    head: Side,
    declared: Benchmark | None,
) -> str:
    """Say why two measurements of a case are not of the same thing; empty where they are."""
    if old.version != new.version:
        return f"version {old.version[:8]} of the benchmark against {new.version[:8]}"
    answer = declared.answer_of(row.case) if declared else None
    said, says = (side.cases.get(answer) if answer else None for side in (base, head))
    if said is not None and says is not None and said.version == says.version and said.is_known:
        if says.failed:
            return f"its answer could not be checked ({answer} failed)"
        if says.is_known and said.value != says.value:
            return f"its answer differs ({answer})"
    if row.is_timed and _apart(old, new):
        hours = abs(old.began - new.began) / 3600
        return f"measured {hours:.1f} hours apart; measure both in one run: mfbench run BASE HEAD"
    return ""


def _apart(one: Measurement, other: Measurement) -> bool:
    return bool(one.began and other.began and abs(one.began - other.began) > APART)


def _counts(
    base: Side,
    head: Side,
    control: Side | None,
    benchmarks: Mapping[str, Benchmark],
    differences: str,
) -> dict[Case, Row]:
    """Return the rows of counted instructions by case, of all topics."""
    counted = [
        case
        for case in base.cases.keys() & head.cases.keys()
        if (known := benchmarks.get(case.benchmark)) and known.unit == COUNT
    ]
    return {
        case: _unjudged(
            Row(case, COUNT, Verdict.NOT_MEASURED),
            base,
            head,
            control,
            differences,
            benchmarks[case.benchmark],
        )
        for case in counted
    }


def _with_witness(row: Row, counts: Mapping[Case, Row], benchmarks: Mapping[str, Benchmark]) -> Row:
    """Add the ratio of the instructions that were counted for the same work."""
    declared = benchmarks.get(row.case.benchmark)
    case = declared.witness_of(row.case) if declared else None
    count = counts.get(case) if case is not None else None
    if count is None or count.verdict in UNKNOWN:
        return row
    return replace(row, instructions=count.ratio, witness=count.verdict)
