"""What the tests of measuring share."""

import shutil

import pytest

from mfbench.foundation.paths import RESULTS
from mfbench.measure.jobs import Request
from mfbench.measure.selection import select
from mfbench.results.benchmarks import discover
from mfbench.results.reader import pythons_of
from tests.committed import MACHINE, renew


@pytest.fixture(scope="session")
def benchmarks():
    return discover()


@pytest.fixture(scope="session")
def renewed(made_once, benchmarks):
    """The committed results as if today's benchmarks had measured them; copy before changing."""

    def make(folder):
        for name in (MACHINE, "reference"):
            shutil.copytree(RESULTS / name, folder / name)
            renew(folder / name, benchmarks)

    return made_once("renewed", make)


@pytest.fixture
def request_of(benchmarks, renewed):
    """Make a request for all cases but the large ones, or as said."""

    def make(machine, known=benchmarks, **more):
        usual = {"cases": frozenset(select(known, "thorough")), "results": renewed}
        # The committed results are of one Python, whichever runs the tests.
        usual["python"] = pythons_of(RESULTS / MACHINE)[0]
        return Request(machine, known, **usual | more)

    return make
