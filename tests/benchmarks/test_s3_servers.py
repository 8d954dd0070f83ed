"""The S3 servers of the benchmarks: they end with whoever started them, and skip where missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mfbench.foundation.paths import ROOT

needs_juicefs = pytest.mark.skipif(
    not Path(sys.executable).with_name("juicefs").exists(), reason="there is no juicefs for this"
)


def python(folder, code):
    """Run code beside the benchmarks, until all that it starts has ended."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "program", ["s3_server.py", pytest.param("s3_gateway.py", marks=needs_juicefs)]
)
@pytest.mark.parametrize("killed", ["os.getpid()", "server.pid"])
def test_a_server_is_on_loopback_and_leaves_nothing_behind(tmp_path, program, killed):
    code = (
        "import os, socket\n"
        "from benchmarks.support.s3_servers import start\n"
        f"server, address = start({program!r})\n"
        "port = int(address.rpartition(':')[2])\n"
        # A server of all addresses has this one, too.
        "found = [socket.socket().connect_ex((f'127.0.0.{i}', port)) == 0 for i in (1, 2)]\n"
        "print(found, flush=True)\n"
        f"os.kill({killed}, 9)\n"
    )
    assert python(tmp_path, code).stdout == "[True, False]\n"


def start_with(folder, program):
    """Start a server with a .venv of the test's own; return the last line of the error."""
    said = python(
        folder,
        "from pathlib import Path; from benchmarks.support import s3_servers, servers\n"
        f"servers.PYTHON = Path({str(folder / 'bin' / 'python')!r})\n"
        f"s3_servers.start({program!r})\n",
    ).stderr
    return said.splitlines()[-1]


@pytest.fixture
def empty_venv(tmp_path):
    """A folder with a Python that finds no server."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "moto").mkdir()
    (tmp_path / "moto" / "__init__.py").touch()
    return tmp_path


def test_a_server_that_is_not_installed_is_a_reason_to_skip(tmp_path, empty_venv):
    said = [start_with(empty_venv, program) for program in ("s3_server.py", "s3_gateway.py")]
    said.append(start_with(tmp_path / "moto", "s3_server.py"))
    assert [each.partition("SkipNotImplemented: ")[2] for each in said] == [
        "moto.server is not installed; make setup installs it",
        "juicefs is not installed; make setup installs it",
        "there is no .venv with servers; make setup makes one",
    ]


def test_a_server_that_fails_is_a_failure_and_no_reason_to_skip(empty_venv):
    (empty_venv / "bin" / "juicefs").write_text("#!/bin/sh\nexit 3\n")
    (empty_venv / "bin" / "juicefs").chmod(0o755)
    said = start_with(empty_venv, "s3_gateway.py")
    assert said == "RuntimeError: s3_gateway.py ended with status 1, see above"
