"""A comparison is of one Python: the one with the most results, or the one that is named."""

import shutil

import pytest

from mfbench.foundation.errors import NothingMeasured
from mfbench.foundation.git_command import commit_of
from mfbench.foundation.paths import UPSTREAM
from mfbench.results.reader import pythons_of, read_sides
from mfbench.verdict.revisions import compare_revisions
from tests.command_line import mfbench
from tests.committed import MACHINE, NAMES, measured_with


def python_of(results, machine=MACHINE, **choice):
    compared = compare_revisions(results, UPSTREAM, NAMES, machine, **choice)
    sides = (compared.base, compared.head, compared.control)
    (python,) = {side.circumstances["python"] for side in sides}
    (environment,) = {side.environment for side in sides}
    assert f"-py{python}-" in environment and compared.measured
    return python


def more_of(results, python):
    """Add a file of another commit."""
    path = next((results / MACHINE).glob(f"*-py{python}-*.json"))
    shutil.copy(path, path.with_name(f"00000000-{path.name.partition('-')[2]}"))


def test_the_python_with_the_most_results_is_compared_and_any_other_by_its_name(copied):
    assert pythons_of(copied / MACHINE) == ["3.11"]
    measured_with(copied, "3.12", "main")
    assert pythons_of(copied / MACHINE) == ["3.11", "3.12"] and python_of(copied) == "3.11"
    with pytest.raises(NothingMeasured, match=r"no machine measured both; .*--pythons 3\.12$"):
        python_of(copied, machine=None, python="3.12")
    measured_with(copied, "3.10")
    # Of equals, the newest.
    assert pythons_of(copied / MACHINE) == ["3.11", "3.10", "3.12"]
    assert python_of(copied) == "3.11" and python_of(copied, python="3.10") == "3.10"
    more_of(copied, "3.10")
    assert python_of(copied) == "3.10" and python_of(copied, python="3.11") == "3.11"
    commit = commit_of(UPSTREAM, "main")
    (side,) = read_sides(copied, MACHINE, "main", commit)
    assert side.circumstances["python"] == "3.10"
    with pytest.raises(NothingMeasured, match=f"{MACHINE} measured neither with Python 3.13; cho"):
        python_of(copied, python="3.13")


def test_another_python_is_compared_where_the_usual_one_measured_only_one_side(copied):
    measured_with(copied, "3.10")
    more_of(copied, "3.11")
    more_of(copied, "3.11")
    assert python_of(copied) == "3.11"
    commit = commit_of(UPSTREAM, "optimized")
    next((copied / MACHINE).glob(f"{commit[:8]}-*-py3.11-*.json")).unlink()
    assert python_of(copied) == "3.10"


def test_the_command_says_which_python_it_shows_if_there_are_several(copied):
    command = ["compare", *NAMES, "--results", copied, "--machine", MACHINE]
    assert mfbench(*command).stderr == ""
    measured_with(copied, "3.10")
    said = mfbench(*command)
    assert (
        said.stderr
        == "Using results of Python 3.11; also measured: 3.10 (choose with --python VERSION)\n"
    )
    of_the_other = mfbench(*command, "--python", "3.10")
    assert of_the_other.stderr == "" and of_the_other.returncode == 0
    assert "Start-up in fresh processes" not in of_the_other.stdout
