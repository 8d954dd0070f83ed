"""Asked once: tasks are opened as before, whatever their attempts; runs on S3 end as before."""

import json
import os
import re
import subprocess
import sys

import pytest

from tests.optimizations.faulty_server import faulty_proxy, s3_server, settings
from tests.optimizations.optimized_releases import NEWEST

OPEN_ALL = """
import itertools, json, os, tempfile
from metaflow.datastore import FlowDataStore
from metaflow.plugins.datastores.local_storage import LocalStorage

def opened(action, *arguments, **options):
    try:
        tasks = action(*arguments, **options)
    except Exception as problem:
        return type(problem).__name__
    tasks = tasks if isinstance(tasks, list) else [tasks]
    # A task that is not done has no such attribute.
    return sorted((task.attempt, sorted(vars(task).get("_objects", "?"))) for task in tasks)

found = {}
# Of each attempt: nothing, "started" or "done".
for state in itertools.product(("", "started", "done"), repeat=3):
    root = tempfile.mkdtemp(dir=os.getcwd())
    flow = FlowDataStore("Flow", storage_impl=LocalStorage, ds_root=root)
    for attempt, what in enumerate(state):
        if what:
            task = flow.get_task_datastore("1", "a", "1", attempt=attempt, mode="w")
            task.init_task()
        if what == "done":
            task.save_artifacts(iter([("of_attempt_%d" % attempt, attempt)]))
            task.done()
    for attempt, not_done in itertools.product((None, 0, 1, 2), (False, True)):
        options = {"attempt": attempt, "allow_not_done": not_done}
        name = "%s %s" % ("/".join(state), json.dumps(options))
        found[name] = opened(flow.get_task_datastore, "1", "a", "1", **options)
        for prior in (False, True):
            found["%s many %s" % (name, prior)] = opened(
                flow.get_task_datastores, pathspecs=["1/a/1"], include_prior=prior, **options
            )
print(json.dumps(found))
"""
FLOW = """
from metaflow import FlowSpec, current, retry, step


class SquaresFlow(FlowSpec):
    @step
    def start(self):
        self.same = self.as_before = "equal"
        self.items = list(range(6))
        self.next(self.work, foreach="items")

    @retry(times=2, minutes_between_retries=0)
    @step
    def work(self):
        if self.input == 3 and current.retry_count < 2:
            raise ValueError("this attempt fails")
        self.square = self.input**2
        self.large = [self.square] * 10_000
        self.next(self.join)

    @step
    def join(self, inputs):
        self.squares = [each.square for each in inputs]
        self.sizes = [len(each.large) for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        if not __import__("os").path.exists("repaired"):
            raise RuntimeError("told to fail")


if __name__ == "__main__":
    SquaresFlow()
"""
READ = """
from metaflow import Flow, namespace
namespace(None)
for run in sorted(Flow("SquaresFlow").runs(), key=lambda run: run.created_at):
    for step in sorted(run.steps(), key=lambda step: step.id):
        for task in sorted(step.tasks(), key=lambda task: str(task.index)):
            data = {each.id: str(each.data)[:80] for each in task.artifacts}
            print(step.id, task.successful, task.current_attempt, sorted(data.items()))
"""
VANISHED = """
import boto3
from metaflow.datastore import FlowDataStore
from metaflow.plugins.datastores import s3_storage
s3_storage.ARTIFACT_LOCALROOT = os.getcwd()
flow = FlowDataStore("Flow", storage_impl=s3_storage.S3Storage, ds_root="s3://bucket/gone")
task = flow.get_task_datastore("1", "a", "1", attempt=0, mode="w")
task.init_task()
task.save_artifacts(iter([("large", list(range(5000)))]))
task.done()
key = task._objects["large"]
blob = "gone/Flow/data/%s/%s" % (key[:2], key)
boto3.client("s3").delete_object(Bucket="bucket", Key=blob)
try:
    flow.get_task_datastore("1", "a", "1")["large"]
except Exception as problem:
    print(type(problem).__name__, problem)
"""


@pytest.fixture(scope="module")
def port():
    with s3_server() as port:
        yield port


@pytest.fixture
def run_on_s3(series, tmp_path):
    """Run the flow with one side in a folder of its own, and with artifacts in S3."""

    def run(side, port, *arguments):
        folder = tmp_path / side
        folder.mkdir(exist_ok=True)
        (folder / "flow.py").write_text(FLOW)
        own = {
            "PYTHONPATH": str(series.root(NEWEST, side)),
            "HOME": str(folder),
            "PYTHONDONTWRITEBYTECODE": "",
            "METAFLOW_USER": "somebody",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder),
            "METAFLOW_DATASTORE_SYSROOT_S3": f"s3://bucket/{side}",
        }
        command = [sys.executable, "flow.py", "--no-pylint", "--datastore", "s3", *arguments]
        environment = os.environ | settings(port) | own
        return subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300
        )

    return run


def has_a_gap(state):
    return re.search(r"[a-z]//[a-z]", state) is not None


def test_tasks_are_opened_as_before_whatever_their_attempts(python):
    before, after = (json.loads(python(NEWEST, side, OPEN_ALL)) for side in ("before", "after"))
    different = {name for name in before if before[name] != after[name]}
    assert len(before) == 27 * 8 * 3
    # A machine was lost before it could say that the second attempt began.
    assert all(has_a_gap(name.partition(" ")[0]) for name in different)


def test_a_flow_on_s3_is_retried_resumed_and_read_as_before(run_on_s3, python, tmp_path, port):
    seen = {}
    for side in ("before", "after"):
        failed = run_on_s3(side, port, "run", "--run-id-file", "failed")
        assert failed.returncode == 1 and "told to fail" in failed.stdout + failed.stderr
        (tmp_path / side / "repaired").touch()
        run_id = (tmp_path / side / "failed").read_text().strip()
        resumed = run_on_s3(side, port, "resume", "--origin-run-id", run_id)
        assert resumed.returncode == 0, resumed.stderr
        root = {"METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path / side)}
        script = f"import os\nos.environ.update({settings(port) | root!r})\n{READ}"
        # Each side reads what the other one wrote, too.
        for reader in ("before", "after"):
            seen[side, reader] = python(NEWEST, reader, script)
    assert len(set(seen.values())) == 1
    assert "('squares', '[0, 1, 4, 9, 16, 25]')" in seen["after", "after"]


@pytest.mark.parametrize("fault", [(503, "SlowDown"), (500, "InternalError"), "close", "cut"])
def test_a_run_survives_what_passes(run_on_s3, tmp_path, port, fault):
    (tmp_path / "after").mkdir()
    (tmp_path / "after" / "repaired").touch()
    spoiled = ("0.attempt.json", "0.DONE.lock", "0.data.json", "1.attempt.json")
    with faulty_proxy(port) as (faults, faulty):
        faults.update({name: (2, fault) for name in spoiled})
        finished = run_on_s3("after", faulty, "run")
    assert finished.returncode == 0, finished.stderr
    assert all(times < 2 for times, _ in faults.values())


def test_a_blob_that_vanishes_is_told_as_before(run_on_s3, python, port):
    script = f"import os\nos.environ.update({settings(port)!r})\n{VANISHED}"
    before, after = (python(NEWEST, side, script) for side in ("before", "after"))
    assert after == before != ""
