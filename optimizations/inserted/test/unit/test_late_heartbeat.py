import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from metaflow.metadata_provider import heartbeat
from metaflow.metadata_provider.metadata import MetadataProvider
from metaflow.plugins import SIDECARS
from metaflow.plugins.metadata_providers import service
from metaflow.plugins.metadata_providers.service import ServiceMetadataProvider
from metaflow.sidecar import Message, MessageTypes, sidecar_subprocess

SCRIPT = os.path.join(os.path.dirname(heartbeat.__file__), "heartbeat_script.py")
SHUTDOWN = Message(MessageTypes.SHUTDOWN, None).serialize().encode()


@pytest.fixture
def beats(mocker):
    """Serve heartbeats; yields requests so far, statuses to answer with, and address."""
    mocker.patch.dict(os.environ, no_proxy="127.0.0.1")
    mocker.patch.object(service, "SERVICE_HEADERS", {"x-key": "secret"})

    class Handler(BaseHTTPRequestHandler):
        requests, statuses, wait = [], [], 10

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.requests.append((self.path, self.headers["x-key"], body))
            status = self.statuses.pop(0) if self.statuses else 200
            if status is None:
                return  # Hang up
            self.send_response(status)
            self.end_headers()
            answer = json.dumps({"wait_time_in_seconds": self.wait})
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()
    Handler.address = "http://127.0.0.1:%d" % server.server_port
    yield Handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def start(mocker, beats):
    """Return a function that starts heartbeats, and the processes that it started."""
    mocker.patch.object(MetadataProvider, "_get_system_tags", return_value=[])
    mocker.patch.object(service, "SERVICE_URL", beats.address)
    popen = mocker.spy(sidecar_subprocess.subprocess, "Popen")
    flow = mocker.Mock()
    flow.name = "Flow"

    def start(delay=0):
        mocker.patch.object(service, "HEARTBEAT_DELAY", delay)
        provider = ServiceMetadataProvider(None, flow, None, None)
        provider.start_task_heartbeat("Flow", "1", "start", "2")
        return provider

    return start, popen


@pytest.fixture
def script(beats):
    """Return a function that starts the script by itself."""
    processes = []

    def start(is_plain=True, options=(), **kwargs):
        url = beats.address + "/heartbeat"
        plain = ServiceMetadataProvider._plain_heartbeat(url) if is_plain else None
        payload = dict(hb_url=url, headers={"x-key": "secret"}, plain_request=plain)
        command = [sys.executable, "-u", *options, SCRIPT]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, **kwargs)
        processes.append(process)
        message = Message(MessageTypes.BEST_EFFORT, payload)
        process.stdin.write(message.serialize().encode())
        process.stdin.flush()
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


def wait_until(condition):
    deadline = time.time() + 60
    while not condition():
        assert time.time() < deadline
        time.sleep(0.01)


def test_a_short_task_has_no_process(start):
    start, popen = start
    start(delay=60).stop_heartbeat()
    assert popen.call_count == 0


def test_a_long_task_sends_heartbeats(start, beats):
    start, popen = start
    provider = start()
    wait_until(lambda: beats.requests)
    provider.stop_heartbeat()
    assert popen.spy_return.wait() == 0
    path = "/flows/Flow/runs/1/steps/start/tasks/2/heartbeat"
    assert beats.requests == [(path, "secret", b"{}")] * 2


def test_there_is_one_heartbeat(start):
    provider = start[0](delay=60)
    with pytest.raises(Exception, match="heartbeat already started"):
        provider.start_run_heartbeat("Flow", "1")
    provider.stop_heartbeat()


@pytest.mark.parametrize("is_plain", [True, False])
def test_the_script_goes_on_until_it_is_told_to_end(beats, script, is_plain):
    beats.wait = 1
    process = script(is_plain)
    wait_until(lambda: len(beats.requests) == 2)
    process.communicate(SHUTDOWN)
    assert process.returncode == 0
    assert set(beats.requests) == {("/heartbeat", "secret", b"{}")}
    assert len(beats.requests) >= 3


def test_the_script_ends_with_the_task(beats, script):
    process = script()
    wait_until(lambda: beats.requests)
    process.stdin.close()
    assert process.wait() == 0
    assert len(beats.requests) == 1


@pytest.mark.parametrize("status", [404, 429, 500, None])
def test_the_script_tries_again(beats, script, status):
    beats.statuses.append(status)
    process = script(stdout=subprocess.PIPE)
    wait_until(lambda: len(beats.requests) == 2)
    assert b"HeartBeat request failed" in process.communicate()[0]
    assert process.returncode == 0


def test_the_script_tries_again_where_nobody_answers(beats, script):
    beats.address = "http://127.0.0.1:1"
    process = script(stdout=subprocess.PIPE)
    assert b"failed" in process.stdout.readline()
    assert process.poll() is None
    process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize("status", [307, 426, 505])
def test_what_plain_http_is_not_enough_for_is_sent_by_requests(beats, script, status):
    beats.statuses.append(status)
    process = script(stdout=subprocess.PIPE)
    wait_until(lambda: len(beats.requests) == 2)
    assert process.communicate()[0] == b""


def test_the_script_imports_next_to_nothing(beats, script):
    process = script(stderr=subprocess.PIPE, options=["-S", "-X", "importtime"])
    wait_until(lambda: beats.requests)
    _, err = process.communicate()
    assert b" select\n" in err
    for name in (b"metaflow", b"requests", b"http", b"json", b"socket"):
        assert b" %s\n" % name not in err


def test_other_sidecars_are_started_as_before(mocker):
    class Derived(heartbeat.MetadataHeartBeat):
        pass

    mocker.patch.dict(SIDECARS, derived=Derived)
    for name in ("derived", "save_logs_periodically"):
        script = sidecar_subprocess._script_of(name)
        assert os.path.basename(script) == "sidecar_worker.py"
    assert sidecar_subprocess._script_of("heartbeat") == SCRIPT


def test_what_plain_http_is_enough_for(mocker, tmp_path):
    def plain(url):
        request = ServiceMetadataProvider._plain_heartbeat(url)
        return request and bytes.fromhex(request)

    mocker.patch.dict(os.environ, {"HOME": str(tmp_path)}, clear=True)
    assert plain("http://host:8080/flows").startswith(b"host 8080 POST /flows HTTP/1.0")
    assert plain("https://host/flows") is None
    request = plain("http://user:password@host/flows")
    assert request.startswith(b"host 80 ") and b"Authorization: Basic" in request
    (tmp_path / ".netrc").write_text("machine host login user password secret")
    assert b"Authorization: Basic" in plain("http://host/flows")
    os.environ["http_proxy"] = "http://proxy:3128"
    assert plain("http://host/flows") is None
    os.environ["no_proxy"] = "host"
    assert plain("http://host/flows")
