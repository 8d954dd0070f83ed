"""Whole runs on this machine: one process for the run, and one for each of its tasks."""

from pathlib import Path

from benchmarks.processes import place_flow, run_python
from benchmarks.surroundings import fresh_folder, skip_when_quick


def run_flow(script, arguments, folder):
    """Run a flow to its end; metaflow's own exit status says whether every task succeeded."""
    return run_python([script, "--no-pylint", *arguments], folder)


class Run:
    """Run the smallest flow there is, start and end: the least that any run costs."""

    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 4, 0, 120

    def setup(self):
        self.folder = fresh_folder()
        self.script = place_flow("hello.py", self.folder)

    def time_hello(self):
        run_flow(self.script, ["run"], self.folder)


class Foreach:
    """Run a foreach of 10 trivial tasks: the overhead of fanning out."""

    params = (10,)
    param_names = ("width",)
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 2, 0, 300

    def setup(self, width):
        skip_when_quick("a foreach starts an interpreter a task, and a run tells as much")
        self.folder = fresh_folder()
        self.script = place_flow("foreach.py", self.folder)

    def time_run(self, width):
        run_flow(self.script, ["run", "--width", str(width)], self.folder)


class WideForeach(Foreach):
    """Run a foreach of 50 trivial tasks; once only, for it takes most of a minute."""

    params = (50,)
    rounds, timeout = 1, 600


class Resume:
    """Resume a run whose last step failed: what follows every repaired mistake."""

    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 2, 0, 120

    def setup(self):
        skip_when_quick("a failed run comes before it, and a run tells as much")
        self.folder = fresh_folder()
        self.script = place_flow("resumed.py", self.folder)
        try:
            run_flow(self.script, ["run", "--run-id-file", "failed_run"], self.folder)
        except RuntimeError:
            self.failed_run = Path(self.folder / "failed_run").read_text().strip()
        else:
            raise RuntimeError("the run that was to fail succeeded")
        (self.folder / "repaired").touch()

    def time_resume(self):
        run_flow(self.script, ["resume", "--origin-run-id", self.failed_run], self.folder)


class Card:
    """Run a flow of which one step makes a card: the price of a report."""

    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 2, 0, 120

    def setup(self):
        skip_when_quick("a card takes longer than the run around it")
        self.folder = fresh_folder()
        self.script = place_flow("report.py", self.folder)

    def time_run(self):
        run_flow(self.script, ["run"], self.folder)
        if not any(self.folder.rglob("*.html")):
            raise RuntimeError("the run made no card")
