"""Servers on loopback, each in a process of its own that ends with this one.

They run in the project's own environment; the measured one holds what metaflow needs and no server.
"""

import os
import subprocess

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.support.environment import fresh_folder
from benchmarks.support.processes import PROGRAMS

PYTHON = PROGRAMS.parent.parent / ".venv" / "bin" / "python"


def start(program, *arguments, **environment):
    """Start a server of `programs/`; return its process and its address, or skip without one.

    It prints its port or `missing PACKAGE`, and serves until its standard input is closed.
    """
    if not PYTHON.exists():
        raise SkipNotImplemented("there is no .venv with servers; make setup makes one")
    server = subprocess.Popen(
        [PYTHON, PROGRAMS / program, *arguments],
        cwd=fresh_folder(),
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    said = server.stdout.readline().strip()
    if said.isdecimal():
        return server, f"http://127.0.0.1:{said}"
    server.wait()
    if said.startswith("missing "):
        raise SkipNotImplemented(f"{said.split()[1]} is not installed; make setup installs it")
    raise RuntimeError(f"{program} ended with status {server.returncode}, see above")
