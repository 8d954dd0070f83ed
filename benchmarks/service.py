"""The metadata service: what a run asks of it, and what a notebook that looks at runs waits for.

The service is on this machine and answers faster than one far away. So times are taken with 20 ms
added to each request. Counts of requests repeat exactly, and are taken without that.
"""

import os
import re
import shutil
import time
from contextlib import suppress

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.support.datastores import metaflow, require_metaflow
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder, short_of_time
from benchmarks.support.processes import (
    PROGRAMS,
    counted_instructions,
    log_processes,
    logged_processes,
    place_flow,
    run_counted,
    run_in_fork,
    run_python,
)
from benchmarks.support.services import counts, reset, service_settings, start_service

if metaflow is not None:
    from metaflow import Flow, Run, Step, Task
    from metaflow.client import core
    from metaflow.client.filecache import FileCache

covers = (
    "metaflow/metadata_provider/*",
    "metaflow/plugins/metadata_providers/*",
    "metaflow/client/*",
    "metaflow/sidecar/*",
    "metaflow/datastore/*",
    "metaflow/runtime.py",
    "metaflow/task.py",
)

DELAY_MS = 20

# A flow, and a command for it.
RUNS = {
    "hello": ("hello.py", "run"),
    "foreach of 10": ("foreach.py", "run"),
    "resume": ("resumed.py", "resume", "--origin-run-id", "1"),
}


def state(run):
    """Return what a person asks of a run before using its results."""
    return run.successful, run.finished, run.finished_at is not None, run.data.message


# What a notebook reads of the runs that past_service_runs.py registers, and what that must be.
READS = {
    "latest run": (lambda: Flow("Past").latest_run.id, "100"),
    "100 runs": (lambda: len(list(Flow("Past").runs())), 100),
    "runs with a tag": (lambda: len(list(Flow("Past").runs("chosen"))), 10),
    "data of a run": (lambda: Run("Past/100").data.message, "hello"),
    "success of a run": (lambda: Run("Past/100").successful, True),
    "state of a run": (lambda: state(Run("Past/100")), (True, True, True, "hello")),
    "data of 50 tasks": (lambda: sum(each.data.value for each in Step("Wide/101/work")), 1225),
    "success of 50 tasks": (lambda: sum(each.successful for each in Step("Wide/101/work")), 50),
}


class Counted(OneSamplePerProcess):
    """Every count of the topic, made once for a commit."""

    def setup_cache(self):
        if metaflow is None or short_of_time():
            return {}
        return {run: count_run(run) for run in RUNS} | count_reads()

    setup_cache.timeout = 300

    def setup(self, counted, _):
        require_metaflow()
        if not counted:
            raise SkipNotImplemented("left out of a quick run: whole runs take half a minute")


class Traffic(Counted):
    """What a run or a notebook sends to the service; heartbeats, which depend on time, left out."""

    params = (*RUNS, *READS)
    param_names = ("of",)

    def track_requests(self, counted, of):
        return counted[of]["requests"]

    def track_connections(self, counted, of):
        return counted[of]["connections"]

    def track_bytes(self, counted, of):
        return counted[of]["bytes"]

    def track_not_found(self, counted, of):
        return counted[of]["not_found"]

    track_requests.unit = "requests"
    track_connections.unit = "connections"
    track_bytes.unit = "bytes"
    track_not_found.unit = "requests"


class Processes(Counted):
    """The processes that a run starts: its tasks, their heartbeats, and what asks git."""

    params = tuple(RUNS)
    param_names = ("run",)
    unit = "processes"

    def track_started(self, counted, run):
        return counted[run]["processes"]


class Heartbeat(OneSamplePerProcess):
    """Instructions of a process that sends heartbeats for a task or a run, and sends one or two."""

    rounds, timeout = 1, 300
    unit = "instructions"

    def setup(self):
        require_metaflow()
        if shutil.which("valgrind") is None or short_of_time():
            raise SkipNotImplemented("valgrind is not installed, or too slow for a quick run")
        self.service = start_service()

    def track_process(self):
        return count_heartbeats(self.service.direct)

    def teardown(self):
        self.service.stop()


class Running(OneSamplePerProcess):
    """Run or resume a flow that registers all it does 20 ms away."""

    params = tuple(RUNS)
    param_names = ("run",)
    rounds, timeout = 4, 300
    profile = "thorough"

    def setup(self, run):
        require_metaflow()
        self.service = start_service(DELAY_MS)
        self.folder = place_run(run, self.service.direct)

    def time_run(self, run):
        run_flow(self.folder, self.service.counted, *RUNS[run])

    def teardown(self, run):
        self.service.stop()


class Reading(OneSamplePerProcess):
    """Look at past runs that are registered 20 ms away, as a notebook does."""

    params = tuple(READS)
    param_names = ("what",)
    rounds = 4
    profile = "thorough"

    def setup_cache(self):
        return "" if metaflow is None or short_of_time() else save_past_runs()

    def setup(self, database, what):
        require_metaflow()
        self.service = start_service(DELAY_MS, database)
        open_notebook(self.service.counted)

    def time_read(self, database, what):
        read(what)

    def teardown(self, database, what):
        self.service.stop()


def place_run(run, address):
    """Return a new folder with the flow of a run; one to be resumed has failed there before."""
    folder, script = fresh_folder(), RUNS[run][0]
    place_flow(script, folder)
    if run == "resume":
        with suppress(RuntimeError):  # its last step fails
            run_flow(folder, address, script, "run")
        (folder / "repaired").touch()
    return folder


def run_flow(folder, address, script, *command, **environment):
    """Run a flow that uses the service at an address; raise if a task fails."""
    settings = service_settings(address) | environment
    run_python([script, "--no-pylint", *command], folder, **settings)


def read(what):
    """Read something as a notebook does, and check it."""
    reading, expected = READS[what]
    found = reading()
    if found != expected:
        raise RuntimeError(f"{what}: {found} was read and not {expected}")


def open_notebook(address):
    """Point the client of this process at a service, with an empty cache of its own."""
    os.environ.update(service_settings(address))
    metaflow.metadata(f"service@{address}")
    metaflow.namespace("user:benchmark")  # as it is for whoever sets none
    # The first read imports what the client needs, and connects. Then its cache is dropped.
    Task("Past/100/start/2")["name"].data  # noqa: B018
    core.filecache = FileCache(cache_dir=str(fresh_folder()))


def save_past_runs():
    """Let a service register past runs; return its database."""
    database = fresh_folder() / "metadata.db"
    service = start_service(0, database)
    program = str(PROGRAMS / "past_service_runs.py")
    run_python([program, service.direct], database.parent)
    service.stop()
    return database


def count_run(run):
    """Count what a run asks of its service, and the processes that it starts."""
    service = start_service()
    folder = place_run(run, service.direct)
    run_flow(folder, service.counted, *RUNS[run], **log_processes(folder))
    found = counts(service.counted)
    service.stop()
    return found | {"processes": logged_processes(folder)}


def count_heartbeats(address):
    """Return the instructions of the process for heartbeats of a run that had the fewest."""
    folder = fresh_folder()
    # Valgrind makes tasks so slow that they have heartbeats, which short ones may have not.
    run_counted(place_flow("hello.py", folder), folder, **service_settings(address))
    while True:
        logs = [each.read_text() for each in (folder / "counts").iterdir()]
        logs = [each for each in logs if re.search(r"Command: .*heartbeat", each)]
        if not logs:
            raise RuntimeError("no process for heartbeats was started")
        found = [counted_instructions(each) for each in logs]
        if all(found):
            return min(found)
        time.sleep(0.1)  # they end a little after what they were started for


def count_reads():
    """Count what each read asks of the service, in a process of its own."""
    service = start_service(0, save_past_runs())
    found = {}
    for what in READS:
        run_in_fork(count_read, what, service.counted)
        found[what] = counts(service.counted)
    service.stop()
    return found


def count_read(what, address):
    """Read something after all that only the first read of a process asks for."""
    open_notebook(address)
    reset(address)
    read(what)
