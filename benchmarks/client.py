"""The client: what a notebook or a script waits for when it looks at past runs."""

from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.common import make_payload, same
from benchmarks.datastores import metaflow, require_metaflow
from benchmarks.processes import PROGRAMS, run_python
from benchmarks.surroundings import fresh_folder

if metaflow is not None:
    from metaflow.client import core
    from metaflow.client.filecache import FileCache

TASKS = 50


class PastRuns:
    """A local store with the runs that the client is asked for, made by metaflow itself."""

    def setup_cache(self):
        folder = Path("past_runs").resolve()
        folder.mkdir()
        if metaflow is not None:
            run_python([str(PROGRAMS / "past_runs.py"), str(PROGRAMS.parent.parent)], folder)
        return str(folder)

    setup_cache.timeout = 120

    def look_at(self, folder):
        """Point the client at the store, with an empty cache of its own."""
        require_metaflow()
        if not hasattr(core, "filecache"):
            raise SkipNotImplemented("this commit keeps the client's file cache elsewhere")
        metaflow.metadata(f"local@{folder}")
        metaflow.namespace(None)
        # The first read imports what the client needs. It is of another flow, and its cache is
        # dropped, so that nothing of what will be read is known.
        if metaflow.Task("Tasks/run-1/work/task-0")["name"].data != "Tasks":
            raise RuntimeError("the client returned another value than was saved")
        core.filecache = FileCache(cache_dir=str(fresh_folder()))


class ReadArtifact(PastRuns):
    """Read an artifact of a past run: `Task(...)["name"].data` in a notebook."""

    params = (("cold", "warm"), ("metrics-52KB", "float64-8MB"))
    param_names = ("cache", "payload")
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 4, 0, 60

    def setup(self, folder, cache, payload):
        self.look_at(folder)
        self.name = payload.replace("-", "_")
        if cache == "warm":
            self.read()

    def read(self):
        """Read an artifact as a person does."""
        return metaflow.Task("Artifacts/run-1/start/task-1")[self.name].data

    def time_read(self, folder, cache, payload):
        self.value = self.read()

    def teardown(self, folder, cache, payload):
        if hasattr(self, "value") and not same(self.value, make_payload(payload)):
            raise RuntimeError("the client returned another value than was saved")


class LatestRun(PastRuns):
    """Find a flow's newest run: the first line of many notebooks."""

    params = (8, 300)
    param_names = ("runs",)
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 4, 0, 60

    def setup(self, folder, runs):
        self.look_at(folder)
        self.flow = f"Runs{runs}"
        if metaflow.Flow(self.flow).latest_run.id != f"run-{runs}":
            raise RuntimeError("the client found another run than the latest")

    def time_find(self, folder, runs):
        metaflow.Flow(self.flow).latest_run  # noqa: B018


class ManyTasks(PastRuns):
    """Collect one value of each of 50 tasks: what a person does with a foreach's results."""

    params = (TASKS,)
    param_names = ("tasks",)
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 12, 0, 60

    def setup(self, folder, tasks):
        self.look_at(folder)

    def time_collect(self, folder, tasks):
        values = [task.data.value for task in metaflow.Step("Tasks/run-1/work")]
        if sorted(values) != list(range(tasks)):
            raise RuntimeError("the client returned other values than were saved")
