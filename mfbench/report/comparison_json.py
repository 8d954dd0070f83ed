"""A comparison as JSON, for programs; dashboard/comparison.schema.json is its schema."""

from __future__ import annotations

import json
import math
from typing import Any

from mfbench.report.comparison_text import means
from mfbench.verdict.rows import Comparison, Row, control_noise, same_code_noise
from mfbench.verdict.verdict import Verdict

# 2: ratios are before / after; before, after and floor of version 1 are base, head, control_noise.
SCHEMA = 2


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
