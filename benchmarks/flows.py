"""Whole runs on this machine: one process for the run, and one for each of its tasks."""

from contextlib import suppress

from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder
from benchmarks.support.processes import place_flow, run_python

covers = ("metaflow/*",)


class Flow(OneSamplePerProcess):
    """A flow in a folder of its own."""

    rounds, timeout = 2, 120
    profile = "thorough"
    script, first_line = "hello.py", ""

    def setup(self, *_):
        self.folder = fresh_folder()
        place_flow(self.script, self.folder, self.first_line)

    def run(self, *arguments):
        """Run the flow to its end; metaflow's own exit status says whether every task succeeded."""
        run_python([self.script, "--no-pylint", *arguments], self.folder)


class Run(Flow):
    """Run the smallest flow there is, start and end: the least that any run costs."""

    rounds = 4
    quick = True
    profile = None

    def time_hello(self):
        self.run("run")


class Foreach(Flow):
    """Run a foreach of 10 trivial tasks: the overhead of fanning out."""

    params = (10,)
    param_names = ("width",)
    timeout = 300
    script = "foreach.py"

    def time_run(self, width):
        self.run("run", "--width", str(width))


class WideForeach(Foreach):
    """Run a foreach of 50 trivial tasks; only one round, which takes most of a minute."""

    params = (50,)
    rounds, timeout = 1, 600


class Resume(Flow):
    """Resume a run whose last step failed: what follows every repaired mistake."""

    script = "resumed.py"

    def setup(self):
        super().setup()
        with suppress(RuntimeError):  # its last step fails
            self.run("run", "--run-id-file", "failed_run")
        self.failed_run = (self.folder / "failed_run").read_text().strip()
        (self.folder / "repaired").touch()

    def time_resume(self):
        self.run("resume", "--origin-run-id", self.failed_run)


class Card(Flow):
    """Run a flow of which one step makes a card: the price of a report."""

    script = "report.py"

    def time_run(self):
        self.run("run")
        if not any(self.folder.rglob("*.html")):
            raise RuntimeError("the run made no card")
