"""Real flows, run before and after: the same output, artifacts and exit status."""

import os
import subprocess
import sys

import pytest

from tests.optimizations.optimized_releases import NEWEST

FLOW = """
from metaflow import FlowSpec, IncludeFile, Parameter, card, catch, current, resources, retry, step
from metaflow.cards import Markdown


class EverythingFlow(FlowSpec):
    width = Parameter("width", default=2)
    text = IncludeFile("text", default="included.txt")

    @step
    def start(self):
        self.items = list(range(self.width))
        self.next(self.left, self.right)

    @card(type="blank")
    @step
    def left(self):
        current.card.append(Markdown("# left"))
        self.value = {"left": 1.5}
        self.next(self.join)

    @retry(times=1, minutes_between_retries=0)
    @step
    def right(self):
        if current.retry_count == 0:
            raise ValueError("the first attempt fails")
        self.value = {"right": "x" * 100_000}
        self.next(self.join)

    @step
    def join(self, inputs):
        self.values = sorted(sorted(each.value) for each in inputs)
        self.merge_artifacts(inputs, exclude=["value"])
        self.next(self.between)

    @step
    def between(self):
        self.next(self.fan, foreach="items")

    @resources(memory=100)
    @catch(var="problem")
    @step
    def fan(self):
        self.result = 10 // self.input
        self.next(self.gather)

    @step
    def gather(self, inputs):
        self.results = [getattr(each, "result", None) for each in inputs]
        self.next(self.end)

    @step
    def end(self):
        if not __import__("os").path.exists("repaired"):
            raise RuntimeError("told to fail")


if __name__ == "__main__":
    EverythingFlow()
"""

READ = """
    from metaflow import Flow, namespace
    namespace(None)
    runs = sorted(Flow("EverythingFlow").runs(), key=lambda run: run.created_at)
    for run in runs:
        print(run.successful, sorted(step.id for step in run.steps()))
        for step in sorted(run.steps(), key=lambda step: step.id):
            for task in sorted(step.tasks(), key=lambda task: str(task.index)):
                data = {name: str(getattr(task.data, name))[:80] for name in sorted(
                    artifact.id for artifact in task.artifacts) if not name.startswith("_")}
                print(step.id, task.successful, data)
    from metaflow.cards import get_cards
    left = runs[0]["left"].task
    print(len(get_cards(left)), "left" in get_cards(left)[0].get())
"""


@pytest.fixture
def flow(series, tmp_path):
    """Run the flow with one side in a folder of its own; returns status and output."""

    def run(side, *arguments):
        folder = tmp_path / side
        folder.mkdir(exist_ok=True)
        (folder / "flow.py").write_text(FLOW)
        (folder / "included.txt").write_text("included text\n")
        environment = os.environ | {
            "PYTHONPATH": str(series.root(NEWEST, side)),
            "HOME": str(folder),
            "PYTHONDONTWRITEBYTECODE": "",
            "METAFLOW_USER": "somebody",
            # Plugins are kept in sets, whose order is that of hashes.
            "PYTHONHASHSEED": "0",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder),
        }
        command = [sys.executable, "flow.py", "--no-pylint", *arguments]
        return subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300
        )

    return run


def test_a_flow_of_everything_fails_resumes_and_is_read_as_before(flow, python, tmp_path):
    seen = {}
    for side in ("before", "after"):
        failed = flow(side, "run", "--run-id-file", "failed")
        assert failed.returncode == 1 and "told to fail" in failed.stdout + failed.stderr
        (tmp_path / side / "repaired").touch()
        run_id = (tmp_path / side / "failed").read_text().strip()
        resumed = flow(side, "resume", "--origin-run-id", run_id)
        assert resumed.returncode == 0, resumed.stderr
        script = f"""
        import os
        os.environ["METAFLOW_DATASTORE_SYSROOT_LOCAL"] = {str(tmp_path / side)!r}
        """
        seen[side] = python(NEWEST, side, script.strip("\n").replace("        ", "    ") + READ)
    assert seen["after"] == seen["before"]
    assert seen["after"].endswith("1 True\n")


@pytest.mark.parametrize("arguments", [["--help"], ["show"], ["check"], ["run", "--help"]])
def test_the_command_line_says_what_it_said(flow, arguments):
    before, after = (flow(side, *arguments) for side in ("before", "after"))
    assert after.returncode == before.returncode
    assert sorted(after.stdout.split()) == sorted(before.stdout.split())


@pytest.mark.parametrize(
    "arguments",
    [
        ["--datastore", "nonesuch", "show"],
        ["--with", "nonesuch", "check"],
        ["--metadata", "x", "show"],
    ],
)
def test_a_wrong_choice_is_refused_as_before(flow, arguments):
    before, after = (flow(side, *arguments) for side in ("before", "after"))
    assert (after.returncode, before.returncode) in {(1, 1), (2, 2)}
    assert sorted(after.stderr.split()) == sorted(before.stderr.split())
