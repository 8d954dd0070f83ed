"""metaflow's own unit tests on two commits: what ends differently is told, and nothing else."""

import subprocess
import sys

import pytest

from scripts.paths import ROOT

TESTS = """
import subprocess
import sys

import pytest


def test_equal():
    import metaflow


def test_fails_on_both():
    assert False


@pytest.mark.skip
def test_skipped():
    pass


@pytest.mark.parametrize("number", [1, 2])
def test_loads_requests(number):
    loaded = "import metaflow, sys; print('requests' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True)
    assert found.stdout == "True\\n"


@pytest.fixture
def torn():
    yield
    raise OSError


def test_torn_down(torn):
    pass
"""


def compare(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "scripts.unit_tests", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def clone(series, tmp_path):
    """A made-up one; the series is asked for so that upstream/ is there."""
    folder = tmp_path / "clone" / "test" / "unit"
    folder.mkdir(parents=True)
    (folder / "test_made_up.py").write_text(TESTS)
    return tmp_path / "clone"


def test_only_what_ends_differently_is_told(clone):
    found = compare(clone, "main", "optimized")
    name = "test.unit.test_made_up::test_loads_requests"
    assert found.stderr == ""
    assert found.stdout.splitlines() == [
        "main: 1 error, 1 failure, 3 passed, 1 skipped",
        "optimized: 1 error, 3 failure, 1 passed, 1 skipped",
        f"{name}[1]: passed, then failure",
        f"{name}[2]: passed, then failure",
        "2 of 6 tests end differently",
    ]
    assert found.returncode == 1


def test_equal_outcomes_are_no_difference(clone):
    found = compare(clone, "main", "main", "-k", "equal or both")
    assert found.stdout.splitlines()[-1] == "0 of 2 tests end differently"
    assert found.returncode == 0


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["nowhere"], "nowhere has no test/unit; name a clone of metaflow"),
        (["{clone}", "main"], "two commits are compared; name both, or none"),
        (["{clone}", "main", "nonesuch"], "nonesuch"),
        (["{clone}", "main", "main", "-k", "nothing_is_called_this"], "pytest ran no test on main"),
    ],
)
def test_bad_arguments_end_in_one_line(clone, arguments, said):
    found = compare(*(each.format(clone=clone) for each in arguments))
    assert found.returncode == 3
    assert said in found.stderr and found.stderr.count("\n") == 1
