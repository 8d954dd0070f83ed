"""Register past runs in a metadata service, and save their artifacts in the working directory.

They are registered as metaflow 2.19.39 does it, whichever is installed, so that every commit reads
the same data. Argument: the service's address.
"""

import http.client
import json
import sys
import time
from pathlib import Path

from metaflow.datastore import FlowDataStore
from metaflow.metaflow_environment import MetaflowEnvironment
from metaflow.plugins.datastores.local_storage import LocalStorage

STORE = str(Path.cwd() / "store")
SYSTEM = {"runtime": "dev", "user": "benchmark", "metaflow_version": "2.19.39"}
COMMON = {
    "user_name": "benchmark",
    "tags": [],
    "system_tags": [f"{name}:{value}" for name, value in SYSTEM.items()],
}
ENDED_WELL = {"_task_ok": True, "_success": True, "_transition": None, "_foreach_stack": []}

service = http.client.HTTPConnection(sys.argv[1].partition("//")[2])


def post(path, content):
    """Register something; return the service's answer."""
    service.request("POST", path, json.dumps(content))
    answer = service.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} was answered with {answer.status}: {text}")
    return json.loads(text)


def add_run(flow, tags=()):
    """Register a run; return its path."""
    time.sleep(0.002)  # runs are told apart by the millisecond they began in
    run = post(f"/flows/{flow}/run", COMMON | {"tags": list(tags)})
    return f"/flows/{flow}/runs/{run['run_number']}"


def add_step(run, name, *tasks, **metadata):
    """Register a step of a run, and tasks with the given artifacts that have ended well."""
    step = f"{run}/steps/{name}"
    post(f"{step}/step", COMMON)
    for artifacts in tasks:
        task = post(f"{step}/task", COMMON)["task_id"]
        add_metadata(f"{step}/tasks/{task}", **SYSTEM, **metadata)
        add_metadata(f"{step}/tasks/{task}", **{"attempt": 0, "ds-type": "local", "ds-root": STORE})
        add_metadata(f"{step}/tasks/{task}", **{"attempt_ok": True, "attempt-done": 0})
        add_artifacts(f"{step}/tasks/{task}", {**ENDED_WELL, **artifacts})


def add_metadata(task, **metadata):
    """Register metadata of a task's first attempt."""
    fields = [
        {"field_name": name, "value": str(value), "type": name, "tags": ["attempt_id:0"]}
        for name, value in metadata.items()
    ]
    post(f"{task}/metadata", [{"user_name": "benchmark", **each} for each in fields])


def add_artifacts(task, artifacts):
    """Save artifacts of a task, and register them."""
    _, _, flow, _, run, _, step, _, number = task.split("/")
    artifacts["name"] = flow
    flow_store = FlowDataStore(
        flow, MetaflowEnvironment(None), storage_impl=LocalStorage, ds_root=STORE
    )
    store = flow_store.get_task_datastore(run, step, number, attempt=0, mode="w")
    store.init_task()
    store.save_artifacts(iter(artifacts.items()), len_hint=len(artifacts))
    store.done()
    same = {"attempt_id": 0, "ds_type": "local", "location": f":root:{STORE}"}
    same |= {"type": "metaflow.artifact", "content_type": "gzip+pickle-v4", **COMMON}
    post(f"{task}/artifact", [{"name": name, "sha": sha, **same} for name, sha in store.items()])


if __name__ == "__main__":
    # The flows that benchmarks/service.py reads.
    for flow in ("Past", "Wide"):
        post(f"/flows/{flow}", COMMON)
    for number in range(99):
        add_run("Past", ["chosen"] if number % 10 == 0 else [])
    run = add_run("Past")
    add_step(run, "_parameters", {}, start_step="start", end_step="end")
    add_step(run, "start", {"message": "hello"})
    add_step(run, "end", {"message": "hello"})
    run = add_run("Wide")
    add_step(run, "_parameters", {}, start_step="start", end_step="end")
    add_step(run, "work", *({"value": number} for number in range(50)))
