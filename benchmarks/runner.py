"""Other ways to run: from Python with `Runner`, again with `resume`, and one step with `spin`."""

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks import flows
from benchmarks.support import beside
from benchmarks.support.datastores import metaflow, require_metaflow
from benchmarks.support.processes import place_flow, run_python

covers = ("metaflow/runner/*", "metaflow/clone_util.py", "metaflow/runtime.py", "metaflow/task.py")


class Run(flows.Flow):
    """Run the smallest flow from a Python program; `flows.Run` does so from the command line."""

    rounds = 4

    def setup(self):
        require_metaflow()
        if not hasattr(metaflow, "Runner"):
            raise SkipNotImplemented("this release has no Runner")
        super().setup()
        place_flow("start_runner.py", self.folder)

    def time_hello(self):
        run_python(["start_runner.py", self.script], self.folder)


class ResumeWithPandas(flows.Resume):
    """Resume a run whose last step failed, of a flow whose module imports pandas."""

    rounds, version = 4, "2"
    first_line = "import pandas\n"

    def setup(self):
        self.path = beside.path_with("pandas")
        super().setup()

    def run(self, *arguments):
        run_python([self.script, "--no-pylint", *arguments], self.folder, PYTHONPATH=self.path)


class Spin(flows.Flow):
    """Run one step of a past run again with `spin`, as a person does who changes that step."""

    rounds = 4

    def setup(self):
        require_metaflow()
        from metaflow import runtime

        if not hasattr(runtime, "SpinRuntime"):
            raise SkipNotImplemented("this release has no spin")
        super().setup()
        self.run("run")

    def time_spin(self):
        self.run("spin", "end")
