"""Gigabytes: what a step pays for a very large artifact, in time and in memory.

Only `mfbench run --large` measures them.
"""

import multiprocessing

from benchmarks.artifacts import load, save, warm_up
from benchmarks.payloads import make_artifacts, same
from benchmarks.support.datastores import require_metaflow
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder, settle_disk
from benchmarks.support.memory import peak_growth, require_memory
from benchmarks.support.processes import run_in_fork

covers = ("metaflow/datastore/*", "metaflow/plugins/datastores/*")
profile = "large"


class Large(OneSamplePerProcess):
    """One artifact of a gigabyte or more, and a folder for it."""

    params = ("float64-1000MB", "float64-2000MB")
    param_names = ("payload",)
    rounds, timeout = 1, 1800

    def setup(self, payload):
        require_metaflow()
        require_memory(16)
        self.artifacts = make_artifacts(payload)
        self.folder = fresh_folder()
        settle_disk()
        warm_up()


class Save(Large):
    """Persist one very large artifact: the end of a step that made a data set or a model."""

    def time_save(self, payload):
        save(self.artifacts, self.folder)

    def track_peak_memory(self, payload):
        return peak_growth(lambda: self.time_save(payload))

    time_save.throughput = True
    track_peak_memory.unit = "bytes"


class Load(Large):
    """Read one very large artifact: the start of the next step."""

    def setup(self, payload):
        super().setup(payload)
        # In another process, so that memory which saving leaves behind is not in this one.
        run_in_fork(save, self.artifacts, self.folder)
        del self.artifacts

    def time_load(self, payload):
        self.loaded = load(["artifact"], self.folder)

    def track_peak_memory(self, payload):
        return peak_growth(lambda: self.time_load(payload))

    def teardown(self, payload):
        if not same(self.loaded, dict(make_artifacts(payload))):
            raise RuntimeError("what was loaded is not what was saved")

    time_load.throughput = True
    track_peak_memory.unit = "bytes"


class SaveTwo(Large):
    """Persist two at once, as two tasks of a foreach do: they share processors, disk and memory."""

    params = ("float64-1000MB",)

    def time_save(self, payload):
        self.in_two_tasks(save)

    def track_peak_memory(self, payload):
        self.in_two_tasks(save_and_note_peak)
        return sum(int(path.read_text()) for path in self.folder.glob("*/peak"))

    def in_two_tasks(self, action):
        """Do something with the artifact in two processes at once."""
        fork = multiprocessing.get_context("fork").Process
        folders = (self.folder / "one", self.folder / "two")
        tasks = [fork(target=action, args=(self.artifacts, folder)) for folder in folders]
        for task in tasks:
            task.start()
        for task in tasks:
            task.join()
        if any(task.exitcode for task in tasks):
            raise RuntimeError("a task failed, see above")

    track_peak_memory.unit = "bytes"


def save_and_note_peak(artifacts, folder):
    """Save, and write down how much memory that took on top of the artifact itself."""
    peak = peak_growth(lambda: save(artifacts, folder))
    (folder / "peak").write_text(str(peak))
