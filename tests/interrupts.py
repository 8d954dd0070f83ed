"""Interrupting a command as a person does."""

import os
import signal
import subprocess
import sys
import time

from tests.project_clones import variables


def heed_ctrl_c():
    """Undo what a shell does to its background jobs, which ignore Ctrl-C and so do their own."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def interrupted(clone, *command):
    """Interrupt `python -m COMMAND` while it measures; return its exit code and what it said."""
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=clone,
        env=variables(clone) | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_ctrl_c,
    ) as process:
        for line in process.stdout:
            if "Benchmarking" in line:
                break
        # Python forgets an interrupt that comes while it forks; asv does so now.
        time.sleep(2)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert "Traceback" not in said
    return process.returncode, said
