"""The metadata service of the benchmarks, and what the proxy in front of it counts."""

import http.client
import json
import os
import re
import subprocess
import time
import uuid
from collections import Counter

import pytest

from benchmarks.support.servers import start
from benchmarks.support.services import HEARTBEATS, counts, reset, start_service
from mfbench.foundation.paths import ROOT
from tests.optimizations.optimized_releases import NEWEST

# The address, on loopback, of a real metaflow-service whose database may be written to.
REAL = os.environ.get("METAFLOW_BENCHMARKS_SERVICE")


def connect(address):
    return http.client.HTTPConnection(address.partition("//")[2], timeout=20)


def ask(connection, method, path, content=None):
    """Return the status of an answer, and what it holds."""
    body = None if content is None else json.dumps(content)
    connection.request(method, path, body)
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text[:1] in (b"[", b"{", b'"') else text


@pytest.fixture
def python(release_python):
    """The Python of an environment with the newest release."""
    return release_python(NEWEST)


@pytest.fixture
def service(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    served = start_service()
    yield served
    served.stop()


def test_the_proxy_counts_what_was_asked(service):
    first, second, beating = (connect(service.counted) for _ in range(3))
    assert ask(first, "GET", "/ping") == (200, b"pong")
    reset(service.counted)
    assert ask(first, "GET", "/ping?a=b") == (200, b"pong")
    assert ask(first, "GET", "/flows/Absent")[0] == 404
    assert ask(second, "POST", "/flows/Flow", {"tags": []})[0] == 200
    assert ask(beating, "POST", "/flows/Flow/runs/1/heartbeat", {})[0] == 404
    _, (flow,) = ask(second, "GET", "/flows")
    shown = len(json.dumps(flow, separators=(",", ":"))) + 1
    assert counts(service.counted) == {
        "requests": 4,
        "not_found": 1,
        "connections": 2,
        "bytes": len("pong") + len("{}\n") + len('{"tags": []}') + shown + len("[]") + shown,
        "by_route": {
            "GET /ping": 1,
            "GET /flows/Absent": 1,
            "POST /flows/Flow": 1,
            "POST /flows/Flow/runs/1/heartbeat": 1,
            "GET /flows": 1,
        },
    }
    reset(service.counted)
    assert counts(service.counted)["requests"] == 0


def run(python, folder, code):
    """Run code beside the benchmarks; return what it printed."""
    finished = subprocess.run(
        [python, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


RUN_HELLO = """
from benchmarks.service import place_run, run_flow
from benchmarks.support.services import service_settings, start_service
import metaflow, os
def run_hello(address):
    folder = place_run("hello", address)
    run_flow(folder, address, "hello.py", "run", "--tag", "mine")
    os.environ.update(service_settings(address))
    metaflow.metadata(f"service@{address}")
    return metaflow.Flow("Hello", _namespace_check=False).latest_run
"""


def test_a_run_through_the_service_ends_well(python, tmp_path):
    code = RUN_HELLO + (
        "service = start_service()\n"
        "run = run_hello(service.counted)\n"
        "run.add_tag('good')\n"
        "run.remove_tag('mine')\n"
        "print(run.successful, run.finished, run.data.message, sorted(run.user_tags))\n"
        "print(run.end_task.stdout, [task.id for task in run['end'].task.parent_tasks])\n"
    )
    said = run(python, tmp_path, code)
    assert said == "True True hello ['good']\n ['2']\n"


def test_counts_are_the_same_twice(python, tmp_path):
    code = (
        "from benchmarks.service import count_reads, count_run\n"
        "first, second = ({'hello': count_run('hello')} | count_reads() for _ in 'ab')\n"
        "for what in first:\n"
        "    for counted in first[what], second[what]:\n"
        "        counted.pop('by_route')\n"
        "    assert first[what] == second[what], (what, first[what], second[what])\n"
    )
    run(python, tmp_path, code)


def plain(answer, flow):
    """Return an answer without what differs each time: moments, and all that is numbered."""
    if isinstance(answer, list):
        return sorted((plain(each, flow) for each in answer), key=str)
    if isinstance(answer, dict):
        numbered = ("ts_epoch", "last_heartbeat_ts", "id", "run_number", "task_id")
        return {
            key: type(value).__name__
            if key in numbered and str(value).isnumeric()
            else plain(value, flow)
            for key, value in sorted(answer.items())
        }
    if isinstance(answer, str):
        return re.sub(r"(?<=/)\d+\b", "NUMBER", answer.replace(flow, "FLOW"))
    return answer


def converse(address):
    """Ask a service for all that metaflow asks for; return the answers."""
    connection, flow, answers = connect(address), f"Flow{uuid.uuid4().hex}", {}
    person = {"user_name": "me", "tags": ["b", "a"]}
    person["system_tags"] = ["user:me", "metaflow_version:2.19.39"]

    def say(method, path, content=None):
        status, answer = ask(connection, method, path, content)
        # What is wrong is put into words of their own.
        said = plain(answer, flow) if status in (200, 404) else None
        answers[f"{len(answers)} {method} {plain(path, flow)}"] = (status, said)
        return answer

    say("GET", "/ping")
    root = f"/flows/{flow}"
    for method, content in ("GET", None), ("POST", person), ("POST", person), ("GET", None):
        say(method, root, content)
    say("GET", f"{root}/runs")
    say("GET", f"{root}/runs/1234567")
    say("GET", f"{root}/runs/absent")
    run = f"{root}/runs/{say('POST', f'{root}/run', person)['run_number']}"
    say("POST", f"{root}/run", {"run_number": "named", **person})
    say("POST", f"{root}/run", {"run_number": "named", **person})
    for each in run, f"{root}/runs/named", f"{root}/runs", f"{run}/steps", f"{run}/steps/work":
        say("GET", each)
    for each in run, f"{root}/runs/named":
        talk_about_run(say, each, person)
    time.sleep(11)  # earlier, a heartbeat is answered with 404
    for each in f"{run}/steps/work/tasks/named", run, run:
        say("POST", f"{each}/heartbeat", {})
    say("GET", f"{root}/runs")
    return answers


def talk_about_run(say, run, person):
    """Register a step and its tasks, and ask for all that a run holds."""
    step = f"{run}/steps/work"
    say("POST", f"{step}/step", person)
    say("POST", f"{step}/step", person)
    say("GET", f"{step}/tasks/absent")
    say("GET", f"{step}/tasks")
    task = f"{step}/tasks/{say('POST', f'{step}/task', person)['task_id']}"
    say("POST", f"{step}/task", {"task_id": "named", **person})
    say("POST", f"{step}/task", {"task_id": "named", **person})
    for each in task, f"{step}/tasks/named":
        for attempt in 0, 1:
            register_attempt(say, each, attempt)
    say("POST", f"{run}/heartbeat", {})
    say("POST", f"{task}/heartbeat", {})
    for add, remove in (("new", "a"), ("new", "absent"), ("user:me", "b"), ("x", "user:me")):
        tags = {"tags_to_add": [add], "tags_to_remove": [remove]}
        say("PATCH", f"{run}/tag/mutate", tags)
    artifacts = (f"{each}/artifacts" for each in (run, step, task, f"{task}/attempt/0"))
    beyond = (f"{task}/attempt/7/artifacts", f"{task}/artifacts/x/attempt/7")
    one = (f"{task}/artifacts/{each}" for each in ("x", "only1", "only0", "y", "x/attempt/0"))
    for each in (run, f"{run}/steps", step, f"{step}/tasks", task, *artifacts, *beyond, *one):
        say("GET", each)
    for each in task, f"{step}/tasks/named", run:
        say("GET", f"{each}/metadata")
    for query in (
        "",
        "?metadata_field_name=attempt&pattern=%5E1%24",
        "?pattern=work:[0-9]",
        "?pattern=z",
    ):
        say("GET", f"{step}/filtered_tasks{query}")


def register_attempt(say, task, attempt):
    """Register what a task does, each attempt with an artifact of its own."""
    values = {"attempt": str(attempt), "path": "work:3", "stack": ["numbers=3", "x=1"]}
    fields = [
        {"field_name": name, "value": value, "type": name, "tags": [f"attempt_id:{attempt}"]}
        for name, value in values.items()
    ]
    say("POST", f"{task}/metadata", [{"user_name": "me", **each} for each in fields])
    given = {"attempt_id": attempt, "ds_type": "local", "location": ":root:/x", "sha": "ab"}
    given |= {"type": "metaflow.artifact", "content_type": "gzip+pickle-v4", "user_name": "me"}
    names = ("name", "x", f"only{attempt}")
    artifacts = [{"name": name, **given, "tags": [], "system_tags": []} for name in names]
    say("POST", f"{task}/artifact", artifacts)
    say("POST", f"{task}/artifact", artifacts[:1])


needs_real_service = pytest.mark.skipif(
    REAL is None, reason="METAFLOW_BENCHMARKS_SERVICE names no metaflow-service"
)


@needs_real_service
def test_the_service_answers_as_the_real_one_does(service):
    ours, real = converse(service.direct), converse(REAL)
    assert ours.keys() == real.keys()
    assert {each: ours[each] for each in ours if ours[each] != real[each]} == {}, real


@needs_real_service
def test_a_run_asks_the_same_of_the_real_service(python, service, tmp_path):
    said = []
    for address in service.direct, REAL:
        ask(connect(address), "POST", "/flows/Hello", {})  # of an earlier run of this test
        proxy, counted = start("counting_proxy.py", address, "0", HEARTBEATS)
        code = f"{RUN_HELLO}run = run_hello({counted!r})\n"
        code += "print(run.successful, run.finished, run.data.message, len(run.end_task.metadata))"
        printed = run(python, tmp_path, code)
        found = counts(counted)
        routes = Counter(
            plain(route, "Hello") for route in found["by_route"] if not route.endswith(HEARTBEATS)
        )
        said.append((printed, found["requests"], found["not_found"], found["connections"], routes))
        proxy.communicate()
    assert said[0] == said[1]
