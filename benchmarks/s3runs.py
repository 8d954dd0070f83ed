"""Whole runs and batches in S3: what users of `--datastore s3` wait for, and what they ask S3 for.

The server is on this machine and answers faster than S3. So times are taken with 20 ms added to
each request. Counts of requests and processes repeat exactly, and are taken without that.
"""

import os
import runpy

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.support import s3_servers, servers
from benchmarks.support.datastores import FLOW, metaflow, require_metaflow
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder, short_of_time
from benchmarks.support.processes import (
    log_processes,
    logged_processes,
    place_flow,
    run_in_fork,
    run_python,
)
from benchmarks.support.services import Service, counts, reset

covers = (
    "metaflow/plugins/datatools/s3/*",
    "metaflow/plugins/aws/aws_client.py",
    "metaflow/datastore/*",
    "metaflow/plugins/datastores/*",
    "metaflow/runtime.py",
    "metaflow/task.py",
)
profile = "thorough"

DELAY_MS = 20
BUCKET = "benchmarks"
ROOT = f"s3://{BUCKET}/metaflow"
RUNS = {
    "hello": ("hello.py", "run", "--run-id-file", "run-id"),
    # One task at a time: of two that save the same content at once, both may find that it is new.
    "foreach of 5": ("foreach.py", "run", "--width", "5", "--max-workers", "1"),
}
BATCHES = ("put", "get", "info")
OBJECTS = {f"key-{number}": f"object {number}" for number in range(20)}
INPUTS = [f"1/work/{number}" for number in range(50)]


class Counted(OneSamplePerProcess):
    """Every count of the topic, made once for a commit."""

    def setup_cache(self):
        if metaflow is None or short_of_time():
            return {}
        bucket = start_bucket()
        counted = {run: count_run(run, bucket) for run in RUNS}
        for what in (*BATCHES, "join"):
            counted[what] = count_call(what, bucket)
        bucket.stop()
        return counted

    setup_cache.timeout = 300

    def setup(self, counted, _):
        require_metaflow()
        if not counted:
            raise SkipNotImplemented("left out of a quick run: whole runs take half a minute")


class Traffic(Counted):
    """What a run, or a call for 20 objects, asks S3 for, and the processes that it starts."""

    params = (*RUNS, *BATCHES)
    param_names = ("of",)

    def track_requests(self, counted, of):
        return counted[of]["requests"]

    def track_not_found(self, counted, of):
        return counted[of]["not_found"]

    def track_processes(self, counted, of):
        return counted[of]["processes"]

    track_requests.unit = track_not_found.unit = "requests"
    track_processes.unit = "processes"


class Join(Counted):
    """Requests that a join sends to open its inputs, per input."""

    params = (len(INPUTS),)
    param_names = ("inputs",)
    unit = "requests"

    def track_keys(self, counted, inputs):
        return counted["join"]["requests"] / inputs


class Run(OneSamplePerProcess):
    """Run a flow whose artifacts go to a bucket 20 ms away."""

    params = ("hello",)
    param_names = ("run",)
    rounds = 4

    def setup(self, run):
        require_metaflow()
        self.bucket, self.folder = start_bucket(DELAY_MS), fresh_folder()

    def time_run(self, run):
        run_flow(run, self.folder, self.bucket)

    def teardown(self, run):
        s3_servers.only_this_server(self.bucket.direct)
        run_id = (self.folder / "run-id").read_text()
        if flow_datastore("Hello").get_task_datastore(run_id, "start", "1")["message"] != "hello":
            raise RuntimeError("the run did not save what it should")
        self.bucket.stop()


class Foreach(Run):
    """Run a foreach, one task at a time, whose artifacts go to a bucket 20 ms away."""

    params = (5,)
    param_names = ("width",)
    timeout = 300

    def time_run(self, width):
        run_flow(f"foreach of {width}", self.folder, self.bucket)

    def teardown(self, width):
        self.bucket.stop()


class Batch(OneSamplePerProcess):
    """Handle 20 small objects, 20 ms away, with one call of a new `S3` object."""

    params = BATCHES
    param_names = ("batch",)
    rounds = 4

    def setup(self, batch):
        require_metaflow()
        self.bucket = start_bucket(DELAY_MS)
        if batch != "put":
            save_objects(self.bucket)

    def time_many(self, batch):
        many(batch)

    def teardown(self, batch):
        direct = client(self.bucket.direct)
        for key, text in OBJECTS.items():
            saved = direct.get_object(Bucket=BUCKET, Key=f"objects/{key}")
            if saved["Body"].read().decode() != text:
                raise RuntimeError(f"{key} does not hold what was put there")
        self.bucket.stop()


def start_bucket(delay_ms=0):
    """Serve an empty bucket, and let this process use it through a proxy."""
    server, direct = s3_servers.start("s3_server.py")
    proxy, counted = servers.start("counting_proxy.py", direct, str(delay_ms))
    client(direct).create_bucket(Bucket=BUCKET)
    s3_servers.only_this_server(counted)
    return Service((proxy, server), direct, counted)


def client(address):
    """Return a client for the server at an address, which is the only one from now on."""
    import boto3  # not at the top: no other benchmark is to find it loaded

    s3_servers.only_this_server(address)
    return boto3.client("s3")


def run_flow(run, folder, bucket, **environment):
    """Run a flow whose artifacts go to a bucket; raise if a task fails."""
    script, *command = RUNS[run]
    place_flow(script, folder)
    environment |= s3_servers.SETTINGS | {
        "METAFLOW_DATASTORE_SYSROOT_S3": ROOT,
        "AWS_ENDPOINT_URL_S3": bucket.counted,
    }
    run_python([script, "--no-pylint", "--datastore", "s3", *command], folder, **environment)


def save_objects(bucket):
    """Put 20 objects into a bucket, past its proxy."""
    direct = client(bucket.direct)
    for key, text in OBJECTS.items():
        direct.put_object(Bucket=BUCKET, Key=f"objects/{key}", Body=text)
    s3_servers.only_this_server(bucket.counted)


def many(batch):
    """Put, get or look up 20 objects, and check what comes back."""
    from metaflow import S3

    with S3(s3root=f"s3://{BUCKET}/objects", tmproot=str(fresh_folder())) as s3:
        if batch == "put":
            found = [key for key, _ in s3.put_many(list(OBJECTS.items()))]
        elif batch == "get":
            found = [each.key for each in s3.get_many(OBJECTS) if each.text == OBJECTS[each.key]]
        else:
            found = [
                each.key for each in s3.info_many(OBJECTS) if each.size == len(OBJECTS[each.key])
            ]
    if found != list(OBJECTS):
        raise RuntimeError(f"{batch} of 20 objects: {len(found)} are right")


def flow_datastore(flow):
    """Return the datastore of a flow in the bucket that this process uses."""
    from metaflow.datastore import FlowDataStore
    from metaflow.metaflow_environment import MetaflowEnvironment
    from metaflow.plugins.datastores import s3_storage

    # Where workers keep what they download; read from the settings when it was imported.
    s3_storage.ARTIFACT_LOCALROOT = str(fresh_folder())
    return FlowDataStore(
        flow, MetaflowEnvironment(None), storage_impl=s3_storage.S3Storage, ds_root=ROOT
    )


def save_inputs(bucket):
    """Let the tasks before a join begin and end, past the bucket's proxy."""
    s3_servers.only_this_server(bucket.direct)
    flow = flow_datastore(FLOW)
    for number, pathspec in enumerate(INPUTS):
        task = flow.get_task_datastore(*pathspec.split("/"), attempt=0, mode="w")
        task.init_task()
        task.save_artifacts(iter([("value", number)]))
        task.done()
    s3_servers.only_this_server(bucket.counted)


def open_inputs():
    """Open the datastores of all inputs together, as a join does."""
    flow = flow_datastore(FLOW)
    # Its name in old releases comes second.
    names = ("get_task_datastores", "get_latest_task_datastores")
    get = next(getattr(flow, name) for name in names if hasattr(flow, name))
    tasks = get("1", pathspecs=INPUTS)
    if sorted(task.pathspec for task in tasks) != sorted(INPUTS):
        raise RuntimeError("an input of the join is missing")


def count_run(run, bucket):
    """Count what a run asks for, and the processes that it starts."""
    folder = fresh_folder()
    reset(bucket.counted)
    run_flow(run, folder, bucket, **log_processes(folder))
    return found(folder, bucket)


def count_call(what, bucket):
    """Count what a batch or a join asks for, and the processes that it starts."""
    folder = fresh_folder()
    run_in_fork(call_in_fork, what, folder, bucket)
    return found(folder, bucket)


def call_in_fork(what, folder, bucket):
    """Handle a batch or open a join, after all that is not to be counted."""
    (save_inputs if what == "join" else save_objects)(bucket)
    os.environ.update(log_processes(folder))
    runpy.run_path(str(folder / "sitecustomize.py"))
    reset(bucket.counted)
    open_inputs() if what == "join" else many(what)


def found(folder, bucket):
    """Return what was counted since the last reset, and how many processes were started."""
    return counts(bucket.counted) | {"processes": logged_processes(folder)}
