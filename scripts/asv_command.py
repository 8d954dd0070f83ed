"""Running asv as a person would, from this project's environment."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

from scripts.errors import Failure
from scripts.paths import ROOT

# asv's own code for "ran, but some benchmarks failed".
BENCHMARKS_FAILED = 2
# Tells the plugin that there is somebody else to say that a person has interrupted the work.
PART_OF_A_JOB = "METAFLOW_BENCHMARKS_PART_OF_A_JOB"
SECONDS_TO_TIDY_UP = 10


def asv(*arguments: str, stdin: str | None = None, may_fail: bool = False) -> None:
    """Run asv with its output shown.

    Parameters
    ----------
    *arguments : str
        The subcommand and its arguments.
    stdin : str, optional
        What it reads.
    may_fail : bool, optional
        Whether benchmarks that fail are told by the results alone.
    """
    command = [sys.executable, "-m", "asv", *arguments]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=None if stdin is None else subprocess.PIPE,
        text=True,
        env=os.environ | {PART_OF_A_JOB: "1"},
    ) as process:
        try:
            process.communicate(stdin)
        except KeyboardInterrupt:
            # Ctrl-C reaches asv as well, which then writes down what it has measured.
            with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                process.wait(SECONDS_TO_TIDY_UP)
            process.kill()
            raise
    code = process.returncode
    if code == BENCHMARKS_FAILED and may_fail:
        return
    if code == BENCHMARKS_FAILED:
        raise Failure("some benchmarks failed (see above); asv show COMMIT tells which")
    if code != 0:
        raise Failure(f"asv {arguments[0]} did not finish (exit code {code}); see what it said")
