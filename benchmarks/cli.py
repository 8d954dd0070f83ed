"""The command line: what a person waits for before metaflow says anything."""

from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder
from benchmarks.support.processes import METAFLOW_COMMAND, place_flow, run_python

covers = ("metaflow/*",)
rounds = 5


class Metaflow(OneSamplePerProcess):
    """Run the `metaflow` command: its banner with the version, and the flows it knows."""

    def setup(self):
        self.folder = fresh_folder()
        (self.folder / ".metaflow").mkdir()

    def time_banner(self):
        run_python(["-c", METAFLOW_COMMAND], self.folder)

    def time_status(self):
        run_python(["-c", METAFLOW_COMMAND, "status"], self.folder)

    time_banner.witness = "instructions.Command.track_run(metaflow)"


class FlowScript(OneSamplePerProcess):
    """Ask a flow script something that runs no step: what a person does all day."""

    def setup(self):
        self.folder = fresh_folder()
        self.script = place_flow("hello.py", self.folder)

    def time_help(self):
        run_python([self.script, "--help"], self.folder)

    def time_show(self):
        run_python([self.script, "show"], self.folder)

    def time_check(self):
        run_python([self.script, "check"], self.folder)

    time_help.witness = "instructions.Command.track_run(flow.py --help)"
    time_show.witness = "instructions.Command.track_run(flow.py show)"
    time_show.quick = True
