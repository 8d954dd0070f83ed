"""What the tests of measuring share."""

import pytest

from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.measure.jobs import Request
from mfbench.measure.selection import cases_of
from mfbench.repository.series import find_commit
from mfbench.results.benchmarks import discover
from mfbench.results.reader import read_sides
from tests.committed import MACHINE


@pytest.fixture(scope="session")
def benchmarks():
    """The benchmarks whose committed results are of the versions that they have now."""
    (main,) = read_sides(RESULTS, MACHINE, "main", find_commit(UPSTREAM, "main"))
    recorded = {case.benchmark: each.version for case, each in main.cases.items()}
    return {name: each for name, each in discover().items() if recorded.get(name) == each.version}


@pytest.fixture
def request_of(benchmarks):
    """Make a request for all cases, or as said."""

    def make(machine, known=benchmarks, **more):
        return Request(machine, known, **{"cases": frozenset(cases_of(known))} | more)

    return make
