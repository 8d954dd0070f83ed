import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="tasks are forked on Linux only"
)

FLOW = """
import os, random, signal, sys
from metaflow import FlowSpec, Parameter, environment, step

class ForkedFlow(FlowSpec):
    in_start = Parameter("in_start", default="")
    in_fan = Parameter("in_fan", default="")

    @step
    def start(self):
        parent = os.getppid()
        with open("/proc/%d/task/%d/children" % (parent, parent)) as children:
            warm_process = int(children.read().split()[0])
        self.split = [1, 2, 3]
        exec(self.in_start)
        self.next(self.fan, foreach="split")

    @step
    def fan(self):
        self.seen = random.random(), os.getppid(), sys.argv[0], os.path.abspath(__file__)
        exec(self.in_fan)
        self.next(self.join)

    @step
    def join(self, inputs):
        randoms, *others = [set(values) for values in zip(*[each.seen for each in inputs])]
        assert len(randoms) == 3
        assert others == [{os.getppid()}, {sys.argv[0]}, {os.path.abspath(__file__)}]
        self.next(self.end)

    @environment(vars={"PYTHON_OPTION": "changed"})
    @step
    def end(self):
        print("option", os.environ["PYTHON_OPTION"], __name__)

if __name__ == "__main__":
    ForkedFlow()
"""


@pytest.fixture
def run_flow(tmp_path):
    (tmp_path / "flow.py").write_text(FLOW)

    def run(*arguments, **settings):
        environment = {
            **os.environ,
            "METAFLOW_USER": "somebody",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path),
            "METAFLOW_DEFAULT_METADATA": "local",
            "METAFLOW_DEFAULT_DATASTORE": "local",
            "METAFLOW_RUNTIME_FORK": "1",
            "METAFLOW_RUNTIME_FORK_TIMEOUT": "300",
            **settings,
        }
        return subprocess.run(
            [sys.executable, "flow.py", "--no-pylint", "run"] + list(arguments),
            cwd=str(tmp_path),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            universal_newlines=True,
        )

    return run


@pytest.fixture
def forked(tmp_path):
    # Whether each task of a step was forked, as the runtime recorded it
    def read(step):
        found = tmp_path.glob(".metaflow/ForkedFlow/*/%s/*/*.runtime" % step)
        return [json.loads(path.read_text()).get("forked", False) for path in found]

    return read


def test_tasks_are_forked_unless_a_variable_differs(run_flow, forked):
    run = run_flow()
    assert run.returncode == 0, run.stdout
    assert "option changed __main__" in run.stdout
    assert forked("start") + forked("fan") + forked("join") == [True] * 5
    assert forked("end") == [False]


def test_without_the_setting_nothing_is_forked(run_flow, forked):
    assert run_flow(METAFLOW_RUNTIME_FORK="").returncode == 0
    assert forked("fan") == [False] * 3


def test_a_preloaded_module_is_there(run_flow, forked, tmp_path):
    (tmp_path / "preloaded.py").write_text("import os\nloader = os.getpid()")
    in_fan = "import preloaded; assert preloaded.loader != os.getpid()"
    run = run_flow("--in_fan", in_fan, METAFLOW_RUNTIME_FORK_PRELOAD="preloaded")
    assert run.returncode == 0, run.stdout
    assert forked("fan") == [True] * 3


@pytest.mark.parametrize(
    "module, problem",
    [
        ("import threading\nthreading.Timer(600, print).start()", "threads"),
        ("raise ValueError('no such thing')", "no such thing"),
        ("import os\nos._exit(3)", "the process ended"),
        ("import metaflow.cli", "options"),
    ],
)
def test_what_can_not_be_preloaded_is_left_out(
    run_flow, forked, tmp_path, module, problem
):
    (tmp_path / "preloaded.py").write_text(module)
    run = run_flow(METAFLOW_RUNTIME_FORK_PRELOAD="preloaded")
    assert run.returncode == 0, run.stdout
    assert "preloaded can't be preloaded" in run.stdout and problem in run.stdout
    assert forked("fan") == [True] * 3


def test_a_run_goes_on_when_the_process_is_killed(run_flow, forked):
    run = run_flow("--in_start", "os.kill(warm_process, signal.SIGKILL)")
    assert run.returncode == 0, run.stdout
    assert forked("start") + forked("fan") == [True] + [False] * 3
    assert run.stdout.count("not forked from here on") == 1


def test_a_run_goes_on_when_the_process_is_stopped(run_flow, forked):
    in_start = "warm_process != os.getpid() and os.kill(warm_process, signal.SIGSTOP)"
    # A busy machine may need more time to start the process
    for seconds in ("3", "60"):
        run = run_flow("--in_start", in_start, METAFLOW_RUNTIME_FORK_TIMEOUT=seconds)
        assert run.returncode == 0, run.stdout
        assert run.stdout.count("timed out") == 1
        if True in forked("start"):
            break
    assert forked("fan") == [False] * len(forked("fan"))


@pytest.mark.parametrize("failing", [1, 2])
def test_a_run_goes_on_when_a_fork_fails(run_flow, forked, tmp_path, failing):
    # The process forks, and the process that it forks does so again
    (tmp_path / "preloaded.py").write_text(
        "import os\nfork, left = os.fork, iter(range(1, %d))\n"
        "os.fork = lambda: fork() if next(left, None) else os.open('absent', 0)"
        % failing
    )
    run = run_flow(METAFLOW_RUNTIME_FORK_PRELOAD="preloaded")
    assert run.returncode == 0, run.stdout
    assert run.stdout.count("the process ended") == 1
    assert forked("fan") == [False] * 3
