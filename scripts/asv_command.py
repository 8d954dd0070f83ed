"""Running asv as a person would, from this project's environment."""

from __future__ import annotations

import subprocess
import sys

from scripts.errors import Failure
from scripts.paths import ROOT

# asv's own code for "ran, but some benchmarks failed".
BENCHMARKS_FAILED = 2


def asv(*arguments: str, stdin: str | None = None) -> None:
    """Run asv with its output shown.

    Parameters
    ----------
    *arguments : str
        The subcommand and its arguments.
    stdin : str, optional
        What it reads.
    """
    command = [sys.executable, "-m", "asv", *arguments]
    code = subprocess.run(command, cwd=ROOT, input=stdin, text=True).returncode
    if code == BENCHMARKS_FAILED:
        raise Failure("some benchmarks failed (see above); asv show COMMIT tells which")
    if code != 0:
        raise Failure(f"asv {arguments[0]} did not finish (exit code {code}); see what it said")
