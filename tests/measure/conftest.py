"""What the tests of measuring share."""

import pytest

from mfbench.measure.jobs import Request
from mfbench.measure.selection import cases_of
from mfbench.results.benchmarks import discover


@pytest.fixture(scope="session")
def benchmarks():
    return discover()


@pytest.fixture
def request_of(benchmarks):
    """Make a request for all cases, or as said."""

    def make(machine, known=benchmarks, **more):
        return Request(machine, known, **{"cases": frozenset(cases_of(known))} | more)

    return make
