"""`mfbench run --pythons`, with real asv and two Pythons of this machine."""

import json
import subprocess
import sys

import pytest

from mfbench.asv_plugin import THIS_PYTHON
from mfbench.asv_plugin.environment import find_python
from mfbench.measure.pythons import make_environment
from tests.command_line import mfbench
from tests.project_clones import variables

SUPPORTED = ("3.10", "3.11", "3.12", "3.13")
OTHERS = [each for each in SUPPORTED if each != THIS_PYTHON]
COUNTED = r"^imports\.Footprint\.track_modules$"


def run(clone, *arguments):
    command = [sys.executable, "-m", "mfbench", *arguments]
    finished = subprocess.run(
        command, cwd=clone, env=variables(clone), capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_running_python_is_found_and_one_that_nobody_has_is_not():
    assert find_python(THIS_PYTHON) == sys.executable
    assert find_python("3.99") is None


def test_what_is_no_version_or_not_installed_has_a_reason():
    for given in ("3", "python3.11", "2.7", ""):
        assert make_environment(given) == "not a version of Python 3; write it like 3.12"
    assert make_environment("3.99") == "no interpreter of this version was found"


def test_a_series_or_all_releases_are_measured_with_the_running_python_only():
    for every in ("--series", "--releases"):
        wrong = mfbench("run", "--dry-run", "--pythons", "3.11", every)
        assert "can't be combined with --series, --releases or --regressed" in wrong.stderr
    asked = mfbench("run", "--dry-run", "--bench", COUNTED, "--pythons", "3.10,3.12")
    assert asked.stdout.count("1 case at 3 commits, once") == 2, "one for each Python"


@pytest.mark.slow
def test_each_python_has_results_and_a_table_of_its_own_and_a_missing_one_a_reason(clone):
    other = next(filter(find_python, OTHERS), None)
    if other is None:
        pytest.skip(f"none of Python {', '.join(OTHERS)} is installed")
    asked = ["--pythons", f"{other},3.99,{THIS_PYTHON}", "--machine", "axis", "--publish"]
    said = run(clone, "run", *asked, "--profile", "default", "--bench", COUNTED)
    missing = "Python 3.99 is skipped: no interpreter of this version was found"
    if f"Python {other} is skipped: " in said:
        pytest.skip(next(line for line in said.splitlines() if line.startswith(f"Python {other}")))
    assert said.splitlines().count(missing) == 1
    for python in (other, THIS_PYTHON):
        table = said.partition(f"\nPython {python}:\n")[2]
        assert "measured 1 of 1 cases" in table.splitlines()[1]
        files = sorted(clone.glob(f"results/axis/*-py{python}-*.json"))
        read = [json.loads(path.read_text()) for path in files]
        assert len(read) == 3 and {each["python"] for each in read} == {python}
        assert all(each["results"]["imports.Footprint.track_modules"][0][0] > 0 for each in read)
        assert len(list(clone.glob(f".asv/env/*/bin/python{python}"))) == 1
    assert "3 results are of other Pythons than most of their machine: not shown" in said
    compared = json.loads(run(clone, "compare", "main", "HEAD", "--python", other, "--format=json"))
    assert compared["circumstances"]["python"] == other
    page = run(clone, "report", "pythons")
    columns = sorted((other, THIS_PYTHON), key=SUPPORTED.index)
    assert f"| what | {' | '.join(f'Python {each}' for each in columns)} |" in page
    assert "Python 3.99 was skipped: no interpreter of this version was found." in page
