"""Runs with METAFLOW_RUNTIME_FORK=1, which forks tasks from a process that has metaflow loaded.

Releases know no such setting, and start each task anew: what a person waits for today.
"""

import re
import shutil
import sys

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks import flows
from benchmarks.support import beside
from benchmarks.support.environment import short_of_time
from benchmarks.support.processes import counted_instructions, run_counted, run_python

covers = ("metaflow/runtime.py", "metaflow/task.py", "metaflow/warm_process.py")


class Flow(flows.Flow):
    """A flow with the setting."""

    def setup(self, *_):
        if sys.platform != "linux":
            raise SkipNotImplemented("tasks are forked on Linux only")
        super().setup()
        self.settings = {"METAFLOW_RUNTIME_FORK": "1"}

    def run(self, *arguments):
        run_python([self.script, "--no-pylint", "run", *arguments], self.folder, **self.settings)


class Run(Flow):
    """Run the smallest flow there is, start and end."""

    rounds = 5

    def time_hello(self):
        self.run()


class Foreach(Flow):
    """Run a foreach of 50 trivial tasks."""

    params = (50,)
    param_names = ("width",)
    rounds, timeout = 4, 600
    script = "foreach.py"

    def time_run(self, width):
        self.run("--width", str(width))


class ForeachPandas(Foreach):
    """Run a foreach of 20 trivial tasks; the flow imports pandas, which is loaded before."""

    params = (20,)
    first_line = "import pandas\n"

    def setup(self, width):
        super().setup()
        path = beside.path_with("pandas")
        self.settings.update(PYTHONPATH=path, METAFLOW_RUNTIME_FORK_PRELOAD="pandas")


class Task(Flow):
    """Instructions of the process of a task of the smallest flow, on average."""

    rounds, timeout = 1, 600
    unit = "instructions"

    def setup(self):
        if shutil.which("valgrind") is None or short_of_time():
            raise SkipNotImplemented("valgrind is not installed, or too slow for a quick run")
        super().setup()
        self.run()  # which compiles all modules
        self.settings.update(METAFLOW_RUNTIME_FORK_TIMEOUT="600")

    def track_instructions(self):
        run_counted(self.script, self.folder, **self.settings)
        tasks = counts_of_tasks(self.folder / "counts")
        return round(sum(tasks) / len(tasks))


class Memory(Flow):
    """Memory of a run while its 16 tasks are alive, with shared pages counted once."""

    rounds, timeout = 1, 300
    script = "together.py"
    unit = "bytes"

    def track_tasks(self):
        self.run()
        return int((self.folder / "memory").read_text())


def counts_of_tasks(folder):
    """Return the instructions of each task: of each counted process that forked no other.

    A forked process inherits the count of its parent, which is subtracted.
    """
    counts, parents = {}, {}
    for log in folder.iterdir():
        # A process that becomes another program, such as git, has no count.
        if count := counted_instructions(text := log.read_text()):
            counts[log.name] = count
            parents[log.name] = re.search(r"Parent PID: (\d+)", text)[1]
    tasks = counts.keys() - set(parents.values())
    return [counts[task] - counts.get(parents[task], 0) for task in tasks]
