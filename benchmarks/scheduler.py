"""Wide runs and long logs: what the process of a run does for each task and each printed line."""

import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.flows import Flow
from benchmarks.instructions import count_branches, run
from benchmarks.support import beside
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder, is_left_out, short_of_time
from benchmarks.support.processes import PROGRAMS, place_flow, run_python

covers = (
    "metaflow/runtime.py",
    "metaflow/task.py",
    "metaflow/mflog/*",
    "metaflow/pylint_wrapper.py",
)
profile = "thorough"

WIDTHS, WIDEST, LINES = (50, 200), (1000,), 1000


class Counted(OneSamplePerProcess):
    """All counts of this topic but those of the widest foreach, made once for a commit."""

    params = WIDTHS
    param_names = ("width",)
    unit = "instructions"

    def setup_cache(self):
        jobs = [("pylint", beside.FOLDER)] if beside.has("pylint") else []
        return count(WIDTHS, *jobs, ("print", 0, LINES))

    setup_cache.timeout = 900

    def setup(self, counts, *_):
        if not counts:
            raise SkipNotImplemented("valgrind is not installed, or too slow for a quick run")


class Parent(Counted):
    """Instructions that one more task of a foreach costs the process of the run, on average."""

    def track_per_task(self, counts, width):
        return round((counts[f"run {width}"] - counts["run 1"]) / (width - 1))


class Child(Counted):
    """Instructions of the process of one task of a foreach, and of the join of all of them."""

    def track_task(self, counts, width):
        return counts[f"task {width}"]

    def track_join(self, counts, width):
        return counts[f"join {width}"]


class Log(Counted):
    """Instructions that the lines printed by a task cost the process of the run."""

    params = (LINES,)
    param_names = ("lines",)

    def track_read(self, counts, lines):
        return counts[f"print {lines}"] - counts["print 0"]


class Lint(Counted):
    """Instructions of the process of a flow's second run, where pylint is installed."""

    params = param_names = ()

    def setup(self, counts):
        super().setup(counts)
        beside.path_with("pylint")

    def track_second(self, counts):
        return counts["pylint"]


class WidestCounted(Counted):
    """All counts of the widest foreach."""

    params = WIDEST
    profile = "large"

    def setup_cache(self):
        return {} if is_left_out("large") else count(WIDEST)

    setup_cache.timeout = 3600


class WidestParent(WidestCounted, Parent):
    """Instructions that one more task of the widest foreach costs the process of the run."""


class WidestChild(WidestCounted, Child):
    """Instructions of the process of one task of the widest foreach, and of its join."""


class Foreach(Flow):
    """Run a foreach of 200 trivial tasks: minutes. `flows.WideForeach` runs one of 50."""

    params = (200,)
    param_names = ("width",)
    rounds, timeout = 1, 900
    profile = "large"
    script = "foreach.py"

    def time_run(self, width):
        self.run("run", "--width", str(width), "--max-num-splits", str(width))


class Print(Flow):
    """Run a flow whose first task prints 10,000 lines: what a chatty training loop costs."""

    params = (10_000,)
    param_names = ("lines",)
    rounds = 4
    script = "printing.py"

    def time_run(self, lines):
        self.run("run", "--lines", str(lines))


class RunWithPylint(Flow):
    """Run a flow for the second time where pylint is installed, which checks it before each."""

    rounds = 4
    version = "2"

    def setup(self):
        super().setup()
        self.path = beside.path_with("pylint")
        # Not in the flow's folder: what appears there between two runs is checked as well.
        self.home = fresh_folder()
        self.run()

    def run(self):
        environment = {"PYTHONPATH": self.path, "METAFLOW_HOME": str(self.home)}
        run_python([self.script, "run"], self.folder, **environment)

    def time_second(self):
        self.run()


def count(widths, *more):
    """Count the instructions of foreaches, and of what else `wide_branches.py` is told to do."""
    if shutil.which("valgrind") is None or short_of_time():
        return {}
    folder = Path.cwd()
    # metaflow packs the folder of a script with all below it. A store there grows with each run.
    (folder / "flows").mkdir()
    for each in ("finished_task.sh", "foreach.py", "hello.py", "printing.py"):
        place_flow(each, folder / "flows")
    # What is counted later begins with a run, which also compiles all modules.
    arguments = ["--no-pylint", "run", "--width", "1", "--run-id-file", "first-run"]
    run([sys.executable, "flows/foreach.py", *arguments], folder)
    first = (folder / "first-run").read_text().strip()
    widths = ["1", *map(str, widths)]
    program = PROGRAMS / "wide_branches.py"
    run([sys.executable, str(program), "prepare", first, *widths], folder)

    def count_job(job):
        return count_branches(folder, program.name, *map(str, job))

    with ThreadPoolExecutor(max_workers=2) as pool:
        found = list(pool.map(count_job, [("foreach", *widths), *more]))
    return {name: number for counts in found for name, number in counts.items()}
