"""Servers that speak S3 on loopback, each in processes of its own that end with this one.

They run in the project's own environment; the measured one holds what metaflow needs and no server.
"""

import os
import subprocess

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.support.environment import fresh_folder
from benchmarks.support.processes import PROGRAMS

PYTHON = PROGRAMS.parent.parent / ".venv" / "bin" / "python"
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


def start(program):
    """Start a server of `programs/`; return its process and its address, or skip without one.

    It prints its port or `missing PACKAGE`, and serves until its standard input is closed.
    """
    if not PYTHON.exists():
        raise SkipNotImplemented("there is no .venv with an S3 server; make setup makes one")
    server = subprocess.Popen(
        [PYTHON, PROGRAMS / program],
        cwd=fresh_folder(),
        env={**os.environ, **SETTINGS},
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


def only_this_server(address):
    """Let boto3, here and in metaflow's workers, know this server and nothing else of AWS."""
    # One of a person's settings would send requests elsewhere: it makes boto3 ignore addresses.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(SETTINGS, AWS_ENDPOINT_URL_S3=address)
