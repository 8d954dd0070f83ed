"""metaflow's own unit tests on two commits: what ends differently is told, and nothing else."""

import pytest
from click.testing import CliRunner

from mfbench.explain import unit_tests
from mfbench.foundation.errors import Failure

TESTS = """
import subprocess, sys
import pytest

def test_equal():
    import metaflow

def test_fails_on_both():
    assert False

@pytest.mark.skip
def test_skipped():
    pass

def test_loads_requests():
    loaded = "import metaflow, sys; sys.exit('requests' not in sys.modules)"
    subprocess.run([sys.executable, "-c", loaded], check=True)

@pytest.fixture
def torn():
    yield
    raise OSError

def test_torn_down(torn):
    assert False
"""


@pytest.fixture
def clone(series, tmp_path):
    """A made-up one; `series` builds upstream/."""
    folder = tmp_path / "clone" / "test" / "unit"
    folder.mkdir(parents=True)
    (folder / "test_made_up.py").write_text(TESTS)
    return tmp_path / "clone"


def compare(*arguments):
    return CliRunner().invoke(unit_tests.command, [str(each) for each in arguments])


@pytest.mark.slow
def test_only_what_ends_differently_is_told(clone):
    found = compare(clone)
    assert found.output.splitlines() == [
        "main: 1 error and failure, 1 failure, 2 passed, 1 skipped",
        "optimized: 1 error and failure, 2 failure, 1 passed, 1 skipped",
        "test.unit.test_made_up::test_loads_requests: passed, then failure",
        "1 of 5 tests end differently",
    ]
    assert found.exit_code == 1
    equal = compare(clone, "main", "main", "-k", "equal or both")
    assert equal.output.splitlines()[-1] == "0 of 2 tests end differently"
    assert equal.exit_code == 0
    none = compare(clone, "-k", "nothing_is_called_this")
    assert isinstance(none.exception, Failure)
    assert str(none.exception).startswith("pytest ran no test on") and "\n" not in str(
        none.exception
    )


def test_what_is_missing_is_said_before_anything_runs(clone, tmp_path):
    with pytest.raises(Failure, match="has no test/unit; name a clone of metaflow"):
        unit_tests.command.callback(tmp_path, "main", "optimized", "")
    with pytest.raises(Failure, match="unknown revision nonesuch"):
        unit_tests.command.callback(clone, "main", "nonesuch", "")
