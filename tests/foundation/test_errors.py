"""What a person sees when a command fails: one line, and the right exit code."""

import subprocess
import sys

import click
import pytest

from mfbench.foundation.errors import Failure, NothingMeasured, run
from mfbench.foundation.paths import ROOT
from tests.command_line import mfbench


@pytest.mark.parametrize(
    ("problem", "code", "said"),
    [
        (Failure("what happened; what to do"), 3, "error: what happened; what to do\n"),
        (NothingMeasured("nothing"), 2, "error: nothing\n"),
        (PermissionError(13, "Denied", "/file"), 3, "error: /file: Denied; make it accessible"),
        # Python's own exit code for it, 1, would be an answer: a regression, a fault found.
        (KeyError("key"), 3, "error: KeyError: 'key' (test_errors.py:"),
        (click.exceptions.Exit(4), 4, ""),
        (KeyboardInterrupt(), 130, "\ninterrupted; the same command can be run again\n"),
    ],
)
def test_a_failure_ends_with_its_exit_code_and_one_line(problem, code, said, capsys):
    def main():
        raise problem

    assert run(main) == code
    printed = capsys.readouterr().err
    assert printed.startswith(said) and printed.strip().count("\n") == 0


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        (["--help"], 0, ""),
        ([], 3, "Usage: mfbench "),
        (["nothing"], 3, "error: No such command 'nothing'; see mfbench --help\n"),
        (["run", "--rounds", "x"], 3, "error: Invalid value for '--rounds': 'x' is not a valid"),
    ],
)
def test_a_mistyped_command_is_told_where_to_find_help(typed, code, said):
    finished = mfbench(*typed)
    assert finished.returncode == code
    assert finished.stderr.startswith(said) if said else not finished.stderr


@pytest.mark.parametrize(
    ("typed", "code", "package"),
    [
        (("-m", "mfbench", "compare", "main", "HEAD"), 3, "click"),
        (("scripts/backfill.py", "run"), 1, "metaflow"),
    ],
)
def test_a_python_without_the_packages_says_how_to_get_them(typed, code, package):
    # -S leaves the environment's packages out.
    command = [sys.executable, "-S", *typed]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    said = f"error: No module named '{package}'; run make setup, then: "
    assert finished.returncode == code and finished.stderr.startswith(said)
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "typed",
    [
        ["compare", "9.9.9", "main"],
        ["compare", "main", "optimized", "--machine", "nowhere"],
        ["compare", "main", "optimized", "--only", "nothing"],
        ["run", "--dry-run", "--profile", "nothing"],
        ["explain", "imports", "main", "9.9.9"],
    ],
)
def test_an_unknown_name_is_refused_before_the_statistics_are_loaded(typed):
    command = [sys.executable, "-X", "importtime", "-m", "mfbench", *typed]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    *loaded, last = finished.stderr.splitlines()
    assert finished.returncode == 3 and last.startswith("error: ")
    assert not [line for line in loaded if line.endswith("scipy.stats")]


def test_a_reader_that_has_ended_is_no_error():
    code = "from mfbench.foundation.errors import run\n"
    code += "run(lambda: [print('line', flush=True) for _ in range(100000)])"
    command = f'{sys.executable} -c "{code}" | head -1; echo ${{PIPESTATUS[0]}}'
    finished = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert (finished.stdout, finished.stderr) == ("line\n0\n", "")
