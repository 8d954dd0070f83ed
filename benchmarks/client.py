"""The client: what a notebook or a script waits for when it looks at past runs."""

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.support.datastores import metaflow, require_metaflow
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder
from benchmarks.support.processes import PROGRAMS, run_python

if metaflow is not None:
    from metaflow.client import core
    from metaflow.client.filecache import FileCache

covers = (
    "metaflow/client/*",
    "metaflow/metadata_provider/*",
    "metaflow/plugins/metadata_providers/*",
    "metaflow/datastore/*",
    "metaflow/plugins/datastores/*",
)


class PastRuns(OneSamplePerProcess):
    """A local store with the runs that the client is asked for, made by metaflow itself."""

    def setup_cache(self):
        folder = fresh_folder()
        if metaflow is not None:
            program = str(PROGRAMS / "past_runs.py")
            run_python([program], folder, PYTHONPATH=str(PROGRAMS.parent.parent))
        return folder

    setup_cache.timeout = 120

    def setup(self, folder, *_):
        """Point the client at the store, with an empty cache of its own."""
        require_metaflow()
        if not hasattr(core, "filecache"):
            raise SkipNotImplemented("this commit keeps the client's file cache elsewhere")
        metaflow.metadata(f"local@{folder}")
        metaflow.namespace(None)
        # The first read imports what the client needs. It reads another flow, and its cache is
        # dropped, so that nothing is known of what will be read.
        metaflow.Task("Tasks/run-1/work/task-0")["name"].data  # noqa: B018
        core.filecache = FileCache(cache_dir=str(fresh_folder()))


class ReadArtifact(PastRuns):
    """Read an artifact of a past run: `Task(...)["name"].data` in a notebook."""

    params = (("cold", "warm"), ("metrics-52KB", "float64-8MB"))
    param_names = ("cache", "payload")
    rounds = 4
    answer = "answers.ClientRead.track_wrong({payload})"
    throughput = True

    def setup(self, folder, cache, payload):
        super().setup(folder)
        if cache == "warm":
            read_artifact(payload)

    def time_read(self, folder, cache, payload):
        self.value = read_artifact(payload)  # kept: freeing it takes time, too


class LatestRun(PastRuns):
    """Find a flow's newest run: the first line of many notebooks."""

    params = (8, 300)
    param_names = ("runs",)
    rounds = 4

    def setup(self, folder, runs):
        super().setup(folder)
        self.flow = f"Runs{runs}"
        if metaflow.Flow(self.flow).latest_run.id != f"run-{runs}":
            raise RuntimeError("the client found another run than the latest")

    def time_find(self, folder, runs):
        metaflow.Flow(self.flow).latest_run  # noqa: B018


class ManyTasks(PastRuns):
    """Collect one value of each of 50 tasks: what a person does with a foreach's results."""

    params = (50,)
    param_names = ("tasks",)
    rounds = 12

    def time_collect(self, folder, tasks):
        values = [task.data.value for task in metaflow.Step("Tasks/run-1/work")]
        if sorted(values) != list(range(tasks)):
            raise RuntimeError("the client returned other values than were saved")


def read_artifact(payload):
    """Read an artifact as a person does."""
    return metaflow.Task("Artifacts/run-1/start/task-1")[payload.replace("-", "_")].data
