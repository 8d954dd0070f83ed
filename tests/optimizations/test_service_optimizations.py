"""A metadata service that fails: runs and reads end as before, and nothing is lost."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.support.servers import start
from benchmarks.support.services import service_settings
from mfbench.foundation.paths import ROOT
from tests.interrupts import heed_ctrl_c
from tests.optimizations.optimized_releases import NEWEST

PROGRAMS = ROOT / "benchmarks" / "programs"
# What a request is answered with; "away" answers none from then on. Nor does "silent", which keeps
# connections open.
FAULTS = (500, 429, "hang up", "away")
TOLD = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "timeout": 120}
LONG = """
import os, time
from metaflow import FlowSpec, step

class Long(FlowSpec):
    @step
    def start(self):
        open("pid", "w").write(str(os.getpid()))
        time.sleep(60)
        self.next(self.end)
    @step
    def end(self):
        pass
Long()
"""
READ = """
from metaflow import Step, namespace
namespace(None)
try:
    print(sum(task.data.value for task in Step("Wide/101/work")))
except Exception as problem:
    print(type(problem).__name__)
"""


class Faulty:
    """A proxy in front of a service; the next request that is like `at` meets a fault."""

    def __init__(self, direct):
        self.direct, self.at, self.fault, self.gone, self.requests = direct, (), None, False, []
        self.ended = threading.Event()
        faulty = self

        class Handler(BaseHTTPRequestHandler):
            def respond(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                faulty.requests.append(f"{self.command} {self.path}")
                fault = faulty.meets(self.command, self.path)
                if fault == "silent":
                    faulty.ended.wait()
                if isinstance(fault, str):
                    return
                status, text = (
                    (fault, b"{}") if fault else faulty.ask(self.command, self.path, body)
                )
                self.send_response(status)
                self.send_header("METADATA_SERVICE_VERSION", "2.5.1")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_PATCH = do_POST = respond  # noqa: N815

            def log_message(self, *_):
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def meets(self, method, path):
        if self.fault and method == self.at[0] and all(each in path for each in self.at[1:]):
            fault, self.fault = self.fault, None
            self.gone = fault in ("away", "silent") and fault
            return fault
        return self.gone or None

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection(self.direct.partition("//")[2])
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def read(self, path):
        return json.loads(self.ask("GET", path)[1])


@pytest.fixture
def service(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    server, direct = start("metadata_service.py")
    faulty = Faulty(direct)
    yield faulty
    faulty.ended.set()
    faulty.server.shutdown()
    faulty.server.server_close()
    server.communicate()


@pytest.fixture
def command(series, service, tmp_path):
    """A function that starts Python with one side of the newest release, and the service."""

    def run(side, *arguments, begin=subprocess.run, fork=False, **options):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("METAFLOW_")}
        settings = service_settings(service.address) | {
            "PYTHONPATH": str(series.root(NEWEST, side)),
            "HOME": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "",
            "METAFLOW_USER": "benchmark",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path),
            "METAFLOW_SERVICE_RETRY_COUNT": "1",
            "METAFLOW_RUNTIME_FORK": str(int(fork)),
        }
        return begin([sys.executable, *arguments], env=kept | settings, cwd=tmp_path, **options)

    return run


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("registered", ["metadata", "artifact"])
def test_a_run_fails_as_before_and_what_it_told_is_there(
    service, command, tmp_path, fault, registered
):
    hello, fields = (str(PROGRAMS / "hello.py"), "--no-pylint"), {}
    for number, side in enumerate(("before", "after", "forked"), 1):
        service.at, service.fault = ("POST", "/steps/start/tasks/", f"/{registered}"), fault
        is_forked = side == "forked"
        run = command("after" if is_forked else side, *hello, "run", fork=is_forked, **TOLD)
        assert run.returncode == 1
        assert (f"code {fault}" if isinstance(fault, int) else "ConnectionError") in run.stdout
        service.gone = False
        (task,) = service.read(f"/flows/Hello/runs/{number}/steps/start/tasks")
        path = f"/flows/Hello/runs/{number}/steps/start/tasks/{task['task_id']}/metadata"
        fields[side] = {each["field_name"] for each in service.read(path)}
        ended = list(tmp_path.glob(f".metaflow/Hello/{number}/start/*/0.runtime"))
        # The release registers metadata before it starts the task, which then never ran.
        assert ended or (side == "before" and registered == "metadata")
        assert all(json.loads(each.read_text()).get("forked", False) is is_forked for each in ended)
    assert fields["before"] <= fields["after"] == fields["forked"]
    if registered == "artifact":
        assert {"user", "attempt", "attempt_ok", "attempt-done"} <= fields["after"]
        resumed = command("after", *hello, "resume", "--origin-run-id", "2", **TOLD)
        assert resumed.returncode == 0, resumed.stdout


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("asked", ["work/artifacts", "work/tasks"])
def test_reading_many_tasks_ends_as_before(service, command, tmp_path, fault, asked):
    command("before", str(PROGRAMS / "past_service_runs.py"), service.direct, check=True)
    told = {}
    for side in ("before", "after"):
        service.at, service.fault, service.gone = ("GET", f"/steps/{asked}"), fault, False
        told[side] = command(side, "-c", READ, **TOLD).stdout.split()[-1]
    if asked == "work/tasks" or fault == "away":
        assert told["after"] in ("ServiceException", "ConnectionError")
    if asked == "work/tasks":
        assert told["after"] == told["before"]
    elif fault != "away":
        assert told["after"] == "1225"  # which the release reads without asking for this


@pytest.mark.parametrize(
    "at",
    [
        ("POST", "/start/step"),
        ("POST", "/start/tasks/", "/metadata"),
        ("POST", "/start/tasks/", "/artifact"),
    ],
)
def test_a_run_that_waits_for_a_silent_service_can_be_interrupted(service, command, at):
    before, after = interrupted(service, command, at, str(PROGRAMS / "hello.py"), "run")
    assert after == before == 1


def test_a_read_that_waits_for_a_silent_service_can_be_interrupted(service, command):
    command("before", str(PROGRAMS / "past_service_runs.py"), service.direct, check=True)
    before, after = interrupted(service, command, ("GET", "/steps/work/", "artifacts"), "-c", READ)
    assert after == before == -signal.SIGINT


def interrupted(service, command, at, *arguments):
    """Interrupt a command when a request of it is not answered; return the status of each side."""
    begun = {"begin": subprocess.Popen, "start_new_session": True, "preexec_fn": heed_ctrl_c}
    for side in ("before", "after"):
        service.at, service.fault, service.gone = at, "silent", False
        with command(side, *arguments, **begun) as process:
            try:
                wait_until(lambda: service.gone)
                os.killpg(process.pid, signal.SIGINT)
                yield process.wait(timeout=60)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


# One that is refused is sent again, and one that is not answered only after ten seconds.
@pytest.mark.parametrize(("fault", "sent"), [(500, 2), ("silent", 1)])
def test_heartbeats_end_with_a_task_that_is_killed(service, command, tmp_path, fault, sent):
    (tmp_path / "long.py").write_text(LONG)
    service.at, service.fault = ("POST", "/tasks/2/heartbeat"), fault
    run = command("after", "long.py", "--no-pylint", "run", begin=subprocess.Popen)
    try:
        wait_until(lambda: sum("/tasks/2/heartbeat" in each for each in service.requests) == sent)
        assert service.fault is None and len(scripts()) == 2
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
        assert run.wait(timeout=60) == 1
        wait_until(lambda: not scripts())
    finally:
        run.kill()


def scripts():
    """Return the processes that send heartbeats to this test's service."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line, folder = (process / "cmdline").read_bytes(), (process / "cwd").readlink()
        except OSError:
            continue
        if b"heartbeat_script.py" in line and folder == Path.cwd():
            found.append(process)
    return found


def wait_until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
