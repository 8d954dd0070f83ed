"""Servers that speak S3 on loopback, each in processes of its own that end with this one.

The project's own environment has them; the measured one holds what metaflow needs and no server.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.processes import PROGRAMS
from benchmarks.surroundings import fresh_folder

ENVIRONMENT = Path(__file__).resolve().parent.parent / ".venv" / "bin"
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
SECONDS_TO_END = 10


def start_moto():
    """Start moto's server; return its process and its address, or skip where there is none."""
    if not (ENVIRONMENT / "python").exists():
        raise SkipNotImplemented("there is no .venv with an S3 server; make setup makes one")
    return start([PROGRAMS / "s3_server.py"])


def start_gateway():
    """Start JuiceFS's gateway, MinIO's front; as `start_moto`, from files and not from memory."""
    juicefs = ENVIRONMENT / "juicefs"
    if not juicefs.exists():
        raise SkipNotImplemented("juicefs is not installed; on Linux on x86-64 make setup does it")
    return start([PROGRAMS / "s3_gateway.py", juicefs])


def start(program):
    """Start a program that prints its port, or `missing PACKAGE`, and serves while it is asked to.

    Parameters
    ----------
    program : list of path
        What the project's own Python is to run.

    Returns
    -------
    subprocess.Popen, str
        The process, which ends when its standard input is closed, and the server's address.

    Raises
    ------
    SkipNotImplemented
        What it needs is not installed.
    RuntimeError
        It failed.
    """
    server = subprocess.Popen(
        [ENVIRONMENT / "python", *program],
        cwd=fresh_folder(),
        env={**os.environ, **SETTINGS},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    said = server.stdout.readline().strip()
    if said.isdecimal():
        watch(server)
        return server, f"http://127.0.0.1:{said}"
    end(server)
    if said.startswith("missing "):
        raise SkipNotImplemented(f"{said.split()[1]} is not installed; make setup installs it")
    raise RuntimeError(f"{program[0].name} ended with status {server.returncode}, see above")


def watch(server):
    """Say so and end this process if a server ends by itself: boto3 would ask it for minutes."""
    measuring = os.getpid()

    def look(*_):
        # Children of this process that are forked have inherited this, and no server.
        if os.getpid() == measuring and server.poll() is not None:
            message = f"the S3 server ended with status {server.returncode} while it was used"
            print(message, file=sys.stderr, flush=True)
            os._exit(1)

    signal.signal(signal.SIGCHLD, look)
    look()


def end(server):
    """End a server, whatever it does."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    server.stdin.close()
    try:
        server.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    server.stdout.close()


def only_this_server(address):
    """Let boto3, here and in metaflow's workers, know this server and nothing else of AWS."""
    # One of a person's settings alone sends requests to the network: to ignore addresses.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(SETTINGS, AWS_ENDPOINT_URL_S3=address)
