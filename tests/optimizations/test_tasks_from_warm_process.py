"""Tasks that were forked do, see, leave behind and end with what they would as processes."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.interrupts import heed_ctrl_c
from tests.optimizations.optimized_releases import NEWEST
from tests.optimizations.test_real_flows import FLOW as EVERYTHING

SEEING = """
import json, os, resource, signal, subprocess, sys
from metaflow import FlowSpec, step
unflushed = open("unflushed", "a")
unflushed.write("x" if "step" in sys.argv else "")
class SeeingFlow(FlowSpec):
    @step
    def start(self):
        status = open("/proc/self/status").read().split("\\n")
        variables = subprocess.check_output(["env"], text=True).split("\\n")
        print(json.dumps({
            "arguments": [sys.argv, sys.orig_argv],
            "main": sorted(set(vars(sys.modules["__main__"])) - {"__cached__"}),
            "paths": [__file__, os.getcwd(), sys.path],
            "files": len(os.listdir("/proc/self/fd")),
            "limits": [resource.getrlimit(each) for each in range(16)],
            "status": [each for each in status if each.startswith(("Umask", "SigB", "SigC"))],
            "handlers": [str(signal.getsignal(each)) for each in range(1, 32)],
            "group": os.getpgrp() == os.getpgid(os.getppid()),
            "variables": sorted(each for each in variables if "RUNTIME_FORK" not in each),
            "streams": [
                (each.encoding, each.errors, each.write_through, each.line_buffering,
                 each.isatty(), each.seekable())
                for each in (sys.stdin, sys.stdout, sys.stderr)
            ],
        }))
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    SeeingFlow()
"""
SLEEPING = """
import os, time
from metaflow import FlowSpec, step
class SleepingFlow(FlowSpec):
    @step
    def start(self):
        with open("task", "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    SleepingFlow()
"""
SIGNALS = """
import os, resource, signal
from metaflow import FlowSpec, catch, step
class SignalsFlow(FlowSpec):
    @step
    def start(self):
        self.names = "HUP INT QUIT ABRT KILL USR1 SEGV PIPE ALRM TERM".split()
        self.next(self.work, foreach="names")
    @catch(var="problem")
    @step
    def work(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), getattr(signal, "SIG" + self.input))
        self.next(self.join)
    @step
    def join(self, inputs):
        print([(each.index, str(each.problem)) for each in inputs])
        self.next(self.end)
    @step
    def end(self):
        pass
if __name__ == "__main__":
    SignalsFlow()
"""
# Times, processes, places in memory, and names that are made of them.
VARYING = r"\[MFLOG.*?\]|markdown_\w+|0x[0-9a-f]+|\d{10,}[\d.]*|pid \d+|[0-9a-f]{32}"
VARYING += r"|\d{4}-\d\d-\d\d|\d\d:\d\d:\d\d\.\d+"


@pytest.fixture(scope="module", params=["tasks_from_warm_process", "after"])
def forking(series, request):
    """Metaflow with this optimisation: alone, and after the others."""
    return series.root(NEWEST, request.param)


@pytest.fixture
def start(forking, tmp_path):
    """A function that starts a flow, forking or not, always in the same folder."""
    folder = tmp_path / "flow"

    def start(flow, fork):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (folder / "flow.py").write_text(flow)
        (folder / "included.txt").write_text("included text\n")
        kept = {key: value for key, value in os.environ.items() if not key.startswith("METAFLOW_")}
        environment = kept | {
            "PYTHONPATH": str(forking),
            "PYTHONDONTWRITEBYTECODE": "",
            "HOME": str(folder),
            "PYTHONHASHSEED": "0",
            "METAFLOW_USER": "somebody",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder),
            "METAFLOW_RUNTIME_FORK": str(int(fork)),
            "METAFLOW_RUNTIME_FORK_TIMEOUT": "300",
        }
        command = [sys.executable, "flow.py", "--no-pylint", "run"]
        streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
        streams |= {"stderr": subprocess.STDOUT, "start_new_session": True}
        streams["preexec_fn"] = heed_ctrl_c
        return folder, subprocess.Popen(command, cwd=folder, env=environment, **streams)

    return start


def outcome(folder, process):
    """Status, lines and files of a run but for what always differs, and what was forked."""
    lines = process.communicate()[0].split("\n")
    files = [path for path in (folder / ".metaflow").rglob("*.*") if path.is_file()]
    kept = [path for path in files if path.suffix in (".log", ".runtime", ".json")]
    records = [json.loads(path.read_text()) for path in kept if path.suffix == ".runtime"]
    texts = [f"{path} {path.read_text()}".replace(', "forked": true', "") for path in kept]
    parts = (lines, map(str, files), texts)
    seen = (sorted(re.sub(VARYING, "#", each) for each in part) for part in parts)
    return process.returncode, *seen, [record.get("forked", False) for record in records]


def both(start, flow, act=lambda folder, process: None):
    """The outcome of a flow, which must be the same forked and not."""
    seen = []
    for fork in (False, True):
        folder, process = start(flow, fork)
        act(folder, process)
        seen.append(outcome(folder, process))
    assert not any(seen[0][-1]) and seen[1][-1] and all(seen[1][-1])
    for forked, executed in zip(seen[1][:-1], seen[0][:-1], strict=True):
        assert forked == executed
    return folder, seen[1]


def test_tasks_do_the_same(start):
    _, (status, lines, *_) = both(start, EVERYTHING)
    assert status == 1 and any("told to fail" in line for line in lines)


def test_tasks_see_the_same_and_flush_their_files(start):
    folder, _ = both(start, SEEING)
    assert (folder / "unflushed").read_text() == "xx"


def test_a_task_that_a_signal_ends_fails_the_same(start):
    _, (status, *_) = both(start, SIGNALS)
    assert status == 0


def test_a_run_whose_children_are_ended_ends_the_same(start):
    def act(folder, process):
        task_of(folder)
        # As `pkill -P` does.
        for children in Path(f"/proc/{process.pid}/task").glob("*/children"):
            for child in children.read_text().split():
                os.kill(int(child), signal.SIGTERM)

    both(start, SLEEPING, act)


def test_an_interrupted_run_ends_the_same_and_leaves_nothing(start):
    sessions = []

    def act(folder, process):
        task_of(folder)
        os.killpg(process.pid, signal.SIGINT)
        sessions.append(process.pid)

    both(start, SLEEPING, act)
    until(lambda: not sessions_of_processes() & set(sessions))


def sessions_of_processes():
    found = set()
    for each in Path("/proc").glob("[0-9]*"):
        with suppress(ProcessLookupError):
            found.add(os.getsid(int(each.name)))
    return found


def task_of(folder):
    """Wait until the task has started, and return its process."""
    until(lambda: (folder / "task").exists() and (folder / "task").read_text())
    return int((folder / "task").read_text())


def until(condition):
    """Wait until it holds, however busy the machine is: half an hour."""
    end = time.monotonic() + 1800
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
