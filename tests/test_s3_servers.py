"""The S3 servers of the benchmarks: they serve, skip where they are missing, and leave nothing."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from scripts.paths import ROOT

JUICEFS = Path(sys.executable).with_name("juicefs")
STARTS = [
    "start_moto",
    pytest.param(
        "start_gateway",
        marks=pytest.mark.skipif(not JUICEFS.exists(), reason="there is no juicefs for this"),
    ),
]


def python(folder, code, **more):
    """Run code beside the benchmarks, in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"],
        cwd=folder,
        env=os.environ | more,
        capture_output=True,
        text=True,
    )


def sockets_of(pid):
    """Return the addresses at which a process, or one that it has started, listens."""
    listening = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, address, _, state, *_, inode = line.split()[:10]
        if state == "0A":
            listening[f"socket:[{inode}]"] = address
    found = []
    for process in [pid, *children(pid)]:
        for file in Path(f"/proc/{process}/fd").iterdir():
            # One that was closed meanwhile listens no more.
            with suppress(FileNotFoundError):
                found += [listening[name] for name in [str(file.readlink())] if name in listening]
    return found


def children(pid):
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [each for child in below for each in (child, *children(child))]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("start", STARTS)
def test_a_server_is_on_loopback_and_ends_with_whoever_started_it(tmp_path, start):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        f"from benchmarks.s3_servers import {start}; server, address = {start}()\n"
        "print(server.pid, address, flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as starter:
        pid, address = starter.stdout.readline().split()
        there = sockets_of(pid)
        below = [pid, *children(pid)]
        starter.send_signal(signal.SIGKILL)
    # In hexadecimal, 127.0.0.1 and the port.
    assert f"0100007F:{int(address.rpartition(':')[2]):04X}" in there
    assert {each.partition(":")[0] for each in there} == {"0100007F"}
    deadline = time.monotonic() + 20
    while any(alive(each) for each in below):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("start", STARTS)
def test_a_large_object_goes_in_parts_and_comes_back(tmp_path, start):
    code = (
        f"from benchmarks.s3_servers import {start}, only_this_server, end\n"
        "import boto3, io, os\n"
        f"server, address = {start}(); only_this_server(address)\n"
        "client = boto3.client('s3'); client.create_bucket(Bucket='bucket')\n"
        "content = os.urandom(20_000_000); parts = []\n"
        "client.meta.events.register('before-call.s3.UploadPart', lambda **_: parts.append(1))\n"
        # metaflow keeps there how it has packed an object.
        "more = {'Metadata': {'metaflow-user-attributes': '{}'}}\n"
        "client.upload_fileobj(io.BytesIO(content), 'bucket', 'folder/large', ExtraArgs=more)\n"
        "kept = client.head_object(Bucket='bucket', Key='folder/large')['Metadata']\n"
        "loaded = io.BytesIO(); client.download_fileobj('bucket', 'folder/large', loaded)\n"
        "listed = client.list_objects_v2(Bucket='bucket', Prefix='folder/')['Contents']\n"
        "print(len(parts), loaded.getvalue() == content, [each['Size'] for each in listed])\n"
        "print(kept)\n"
        "end(server); print(server.returncode)\n"
    )
    said = python(tmp_path, code, AWS_PROFILE="mine", AWS_ENDPOINT_URL="http://127.0.0.2:9")
    assert said.stdout == "3 True [20000000]\n{'metaflow-user-attributes': '{}'}\n0\n", said.stderr


@pytest.mark.parametrize(
    "case", ["SaveToGateway().setup('300-small')", "Save().setup('dict-233B')"]
)
def test_where_there_is_no_environment_cases_are_skipped_with_a_reason(tmp_path, case):
    code = (
        "from pathlib import Path\n"
        "from benchmarks import s3, s3_servers\n"
        "from asv_runner.benchmarks.mark import SkipNotImplemented\n"
        "s3_servers.ENVIRONMENT = Path('nowhere')\n"
        "try:\n"
        f"    s3.{case}\n"
        "except SkipNotImplemented as reason:\n"
        "    print(reason)\n"
    )
    assert "make setup" in python(tmp_path, code).stdout


def test_a_server_that_is_not_installed_is_a_reason_to_skip(tmp_path):
    hidden = tmp_path / "moto"
    hidden.mkdir()
    (hidden / "__init__.py").write_text("")
    code = (
        "from benchmarks import s3_servers\n"
        "from asv_runner.benchmarks.mark import SkipNotImplemented\n"
        "try:\n"
        "    s3_servers.start_moto()\n"
        "except SkipNotImplemented as reason:\n"
        "    print(reason)\n"
    )
    said = python(tmp_path, code, PYTHONPATH=str(tmp_path))
    assert said.stdout == "moto.server is not installed; make setup installs it\n", said.stderr


def test_a_server_that_fails_is_a_failure_and_no_reason_to_skip(tmp_path):
    (tmp_path / "juicefs").write_text("#!/bin/sh\necho no room >&2; exit 3\n")
    (tmp_path / "juicefs").chmod(0o755)
    code = (
        "from pathlib import Path\n"
        "from benchmarks import s3_servers\n"
        "try:\n"
        f"    s3_servers.start([s3_servers.PROGRAMS / 's3_gateway.py', Path({str(tmp_path)!r})"
        " / 'juicefs'])\n"
        "except RuntimeError as problem:\n"
        "    print(problem)\n"
        "import subprocess\n"
        "print(not Path(f'/proc/self/task/{__import__(\"os\").getpid()}/children').read_text())\n"
    )
    said = python(tmp_path, code)
    assert said.stdout == "s3_gateway.py ended with status 1, see above\nTrue\n", said.stderr
    assert "no room" in said.stderr


@pytest.mark.skipif(not JUICEFS.exists(), reason="there is no juicefs for this")
def test_a_server_that_is_killed_leaves_nothing(tmp_path):
    code = (
        "from benchmarks.s3_servers import start_gateway, end; server, _ = start_gateway()\n"
        "from pathlib import Path\n"
        "print(Path(f'/proc/{server.pid}/task/{server.pid}/children').read_text(), flush=True)\n"
        "server.kill(); server.wait(); end(server)\n"
    )
    said = python(tmp_path, code)
    (gateway,) = said.stdout.split()
    deadline = time.monotonic() + 20
    while alive(gateway):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_was_saved_wrong_ends_the_server_too(tmp_path):
    code = (
        "from benchmarks import s3\n"
        "case = s3.Load(); case.setup('dict-233B'); case.loaded = []\n"
        "try:\n"
        "    case.teardown('dict-233B')\n"
        "except RuntimeError as problem:\n"
        "    print(problem, case.server.poll())\n"
    )
    said = python(tmp_path, code)
    assert said.stdout == "what was loaded is not what was saved 0\n", said.stderr


@pytest.mark.parametrize(
    "code",
    [
        "case = s3.Save(); case.setup('dict-233B'); case.server.kill()\n"
        "case.time_save('dict-233B'); print('saved')",
        # While metaflow's workers are at it.
        "case = s3.Save(); case.setup('20-small'); Timer(0.3, case.server.kill).start()\n"
        "while True: case.time_save('20-small')",
    ],
)
def test_a_server_that_ends_in_a_sample_is_told_and_the_sample_ends(tmp_path, code):
    said = python(tmp_path, f"from threading import Timer\nfrom benchmarks import s3\n{code}\n")
    assert said.returncode == 1 and said.stdout == ""
    assert said.stderr.endswith("the S3 server ended with status -9 while it was used\n")


@pytest.mark.skipif(not JUICEFS.exists(), reason="there is no juicefs for this")
def test_a_gateway_that_ends_below_its_program_is_told_too(tmp_path):
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom benchmarks import s3\n"
        "case = s3.SaveToGateway(); case.setup('float64-64MB'); pid = case.server.pid\n"
        "(child,) = Path(f'/proc/{pid}/task/{pid}/children').read_text().split()\n"
        "os.kill(int(child), signal.SIGKILL)\n"
        "case.time_save('float64-64MB'); print('saved')\n"
    )
    said = python(tmp_path, code)
    assert said.returncode == 1 and said.stdout == ""
    assert said.stderr.endswith("the S3 server ended with status 1 while it was used\n")


@pytest.mark.skipif(not JUICEFS.exists(), reason="there is no juicefs for this")
def test_a_port_that_another_has_taken_is_not_taken_for_the_gateway(tmp_path):
    code = (
        "import socket, subprocess\n"
        "from benchmarks.programs import s3_gateway\n"
        "other = socket.create_server(('127.0.0.1', 0))\n"
        "sleeping = subprocess.Popen(['sleep', '60'])\n"
        "print(s3_gateway.listens(sleeping, other.getsockname()[1]))\n"
        "sleeping.kill(); sleeping.wait()\n"
    )
    assert python(tmp_path, code).stdout == "False\n"
