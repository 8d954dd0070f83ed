"""A comparison as JSON, and back; dashboard/comparison.schema.json is its schema."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mfbench.foundation.errors import Failure
from mfbench.foundation.paths import ROOT
from mfbench.report.comparison_text import means
from mfbench.results.reader import Case, Side
from mfbench.verdict.rows import Comparison, Row, control_noise, same_code_noise
from mfbench.verdict.verdict import Evidence, Verdict

# 2: ratios are before / after; before, after and floor of version 1 are base, head, control_noise.
SCHEMA = 2
SCHEMA_FILE = ROOT / "dashboard" / "comparison.schema.json"
# All cases of two commits take 0.5 MB.
MOST_BYTES = 10_000_000
MOST_DIGITS = 18


def as_json(comparison: Comparison) -> str:
    """Return all that is known of a comparison."""
    sides = {"base": comparison.base, "head": comparison.head, "control": comparison.control}
    document: dict[str, Any] = {"schema": SCHEMA}
    for role, side in sides.items():
        document[role] = side and {"name": side.name, "commit": side.commit}
    document["circumstances"] = dict(comparison.base.circumstances)
    document["summary"] = {
        "measured": len(comparison.measured),
        "cases": len(comparison.rows),
        "not_measured": comparison.topics(Verdict.NOT_MEASURED),
        "left_out": comparison.left_out,
        "verdicts": {verdict.value: comparison.count(verdict) for verdict in Verdict},
        "control_noise": control_noise(comparison.rows),
        "same_code_noise": same_code_noise(comparison.rows),
        "control_called": comparison.control_called,
        "would_have_missed": comparison.would_have_missed,
        "geometric_means": [
            {"topic": topic, "times": times, "instructions": counts, "cases": count}
            for topic, times, counts, count in means(comparison)
        ],
    }
    document["rows"] = [_row(row) for row in comparison.rows]
    document["startup"] = [_row(row) for row in comparison.startup]
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _row(row: Row) -> dict[str, Any]:
    evidence, noise = row.evidence, row.control_noise
    speeds = [row.megabytes_per_second(row.before), row.megabytes_per_second(row.after)]
    return {
        "benchmark": row.case.benchmark,
        "parameters": list(row.case.parameters),
        "topic": row.case.topic,
        "unit": row.unit,
        "before": row.before,
        "after": row.after,
        "ratio": row.ratio,
        "low": evidence.low if evidence else None,
        "high": evidence.high if evidence else None,
        "adjusted_p_value": row.adjusted_p_value,
        # JSON has no infinity: how far a control of 0 bytes is from its base.
        "control_noise": None if noise == math.inf else noise,
        "detectable": row.detectable,
        "processes": evidence.processes if evidence else None,
        "instructions": row.instructions,
        "witness": row.witness.value if row.witness else None,
        "disagree": row.disagree,
        "other_run": row.other_run,
        "failed": row.failed,
        "megabytes_per_second": speeds if row.size else None,
        "verdict": row.verdict.value,
        "reason": row.reason,
    }


def read_comparison(path: Path) -> Comparison:
    """Read a comparison that `as_json` wrote, perhaps with a stranger's code.

    It lacks samples and p-values. Raises Failure where the file does not fit the schema.
    """
    # Not above: it takes long to load.
    import jsonschema

    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"larger than {MOST_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
        read = json.loads(text, parse_int=_number, parse_float=_number, parse_constant=_number)
        schema = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
        jsonschema.validate(read, schema, cls=jsonschema.Draft202012Validator)
        return _comparison(read)
    except (OSError, ValueError, RecursionError, jsonschema.ValidationError) as problem:
        said = getattr(problem, "message", str(problem))[:200]
        raise Failure(
            f"{path.name} is not what mfbench compare --format json writes ({said})"
        ) from None


def _number(text: str) -> float:
    if len(text.lstrip("-").partition(".")[0]) > MOST_DIGITS or not math.isfinite(float(text)):
        raise ValueError(f"{text[:MOST_DIGITS]} has too many digits, or is not finite")
    return float(text) if set(text) & set(".eE") else int(text)


def _comparison(read: Mapping[str, Any]) -> Comparison:
    base, head, control = (
        read[role] and Side(read[role]["name"], read[role]["commit"], "", read["circumstances"], {})
        for role in ("base", "head", "control")
    )
    rows, startup = (tuple(map(_row_of, read[name])) for name in ("rows", "startup"))
    summary = read["summary"]
    called = summary["control_called"] and tuple(summary["control_called"])
    return Comparison(base, head, control, rows, startup, summary["left_out"], called)


def _row_of(read: Mapping[str, Any]) -> Row:
    names = ("before", "after", "control_noise", "detectable", "instructions")
    numbers = {name: read[name] for name in names}
    texts = {name: read[name] for name in ("unit", "reason", "failed", "other_run")}
    case = Case(read["benchmark"], tuple(read["parameters"]))
    evidence = None
    if read["low"] is not None:
        ratio, low, high = (read[name] for name in ("ratio", "low", "high"))
        if not (ratio and low and high) or read["processes"] is None:
            raise ValueError("an interval without its ratio or processes")
        noise, processes = read["control_noise"] or 0.0, read["processes"]
        evidence = Evidence(ratio, low, high, 1.0, noise, 0.0, processes)
    witness = read["witness"] and Verdict(read["witness"])
    verdict = Verdict(read["verdict"])
    return Row(case, verdict=verdict, witness=witness, evidence=evidence, **texts, **numbers)
