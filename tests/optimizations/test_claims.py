"""Claimed cases exist, and the targets of the case study have an answer."""

import itertools
import json

import pytest

from mfbench.foundation.paths import RESULTS
from optimizations import SERIES


def known_cases():
    """Return asv's names of all cases of the suite, without quotes."""
    recorded = json.loads((RESULTS / "benchmarks.json").read_text())
    return {
        name + (f"({', '.join(values)})" if values else "").replace("'", "")
        for name, benchmark in recorded.items()
        if name != "version"
        for values in itertools.product(*benchmark["params"])
    }


@pytest.mark.parametrize("optimization", SERIES, ids=lambda each: each.name)
def test_claimed_cases_exist(optimization):
    claimed = [case for claim in optimization.claims for case in (claim.case, claim.against)]
    assert set(claimed) - {None} <= known_cases()
    assert claimed, "the first claim is its headline"


def test_each_target_is_decided_by_a_claimed_case():
    targets = [each for each in SERIES if each.target]
    assert len({each.target.name for each in targets if not each.target.reported}) == 8
    for optimization in targets:
        target = optimization.target
        assert target.case in {claim.case for claim in optimization.claims}
        assert target.at_least > 1
