"""upstream/ is there for every test of a report."""

import pytest

from mfbench.foundation.paths import UPSTREAM
from mfbench.repository import build


@pytest.fixture(scope="session", autouse=True)
def built():
    build.ensure(UPSTREAM)
