"""The command line: what a person waits for before metaflow says anything."""

from benchmarks.processes import place_flow, run_metaflow, run_python
from benchmarks.surroundings import fresh_folder


class Metaflow:
    """Run the `metaflow` command: its banner with the version, and the flows it knows."""

    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 5, 0, 60

    def setup(self):
        self.folder = fresh_folder()
        (self.folder / ".metaflow").mkdir()

    def time_banner(self):
        run_metaflow([], self.folder)

    def time_status(self):
        run_metaflow(["status"], self.folder)


class FlowScript:
    """Ask a flow script something that runs no step: what a person does all day."""

    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 5, 0, 60

    def setup(self):
        self.folder = fresh_folder()
        self.script = place_flow("hello.py", self.folder)

    def time_help(self):
        run_python([self.script, "--help"], self.folder)

    def time_show(self):
        run_python([self.script, "show"], self.folder)

    def time_check(self):
        run_python([self.script, "check"], self.folder)
