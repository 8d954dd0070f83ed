"""Executed instructions: what the code does, on any machine, however busy it is.

They repeat to within 0.01%, but see neither waiting nor disks nor the processes that a command
starts. All are counted in `setup_cache`, two at a time: other load changes how long that takes,
not the counts.
"""

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.programs.branches import task
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import child_environment, short_of_time
from benchmarks.support.processes import METAFLOW_COMMAND, PROGRAMS, place_flow

covers = ("metaflow/*",)
unit = "instructions"

COMMANDS = (
    "python",
    "import metaflow",
    "from metaflow import FlowSpec, step",
    "metaflow",
    "flow.py --help",
    "flow.py show",
    "flow.py step",
)
ARTIFACT_PAYLOADS = ("float64-800KB", "metrics-52KB")


class Counted(OneSamplePerProcess):
    """Every count of the suite, made once for a commit."""

    quick = True

    def setup_cache(self):
        if shutil.which("valgrind") is None or short_of_time():
            return {}
        folder = Path.cwd()
        place_flow("hello.py", folder)
        compile_everything(folder)
        with ThreadPoolExecutor(max_workers=2) as pool:
            commands = pool.submit(
                count_branches, folder, "branches.py", str(PROGRAMS.parent.parent), "commands"
            )
            artifacts = pool.submit(
                count_branches, folder, "artifact_branches.py", *ARTIFACT_PAYLOADS
            )
            python = pool.submit(count, ["-c", "pass"], folder)
        (bare,) = python.result()[1].values()
        # What every branch did before it saved or loaded.
        before = artifacts.result().pop("nothing")
        saves_and_loads = {name: each - before for name, each in artifacts.result().items()}
        return {"python": bare, **commands.result(), **saves_and_loads}

    setup_cache.timeout = 600

    def setup(self, counts, _):
        if not counts:
            raise SkipNotImplemented("valgrind is not installed, or too slow for a quick run")


class Command(Counted):
    """Instructions of a command from its start to its end: what a person pays each time."""

    params = COMMANDS
    param_names = ("command",)

    def track_run(self, counts, command):
        return counts[command]


class Artifact(Counted):
    """Instructions of saving or loading one artifact, warm and with nothing else around it."""

    params = ARTIFACT_PAYLOADS
    param_names = ("payload",)
    version = "2"

    def track_save(self, counts, payload):
        return counts[f"save {payload}"]

    def track_load(self, counts, payload):
        return counts[f"load {payload}"]


def compile_everything(folder):
    """Run what will be counted once without counting, so that every .pyc is there.

    The run whose task is counted begins here, too, and its first task makes the step's folders.
    """
    for arguments in (
        ("-c", METAFLOW_COMMAND),
        ("hello.py", "--help"),
        ("hello.py", "show"),
        ("hello.py", "--no-pylint", "init", "--run-id", "1", "--task-id", "0"),
        ("hello.py", *task(1)),
    ):
        run([sys.executable, *arguments], folder)


def count_branches(folder, program, *arguments):
    """Count the instructions of each branch of a program, from Python's start on."""
    output, counts = count([str(PROGRAMS / program), *arguments], folder)
    branches = re.findall(r"^branch (\d+) (.+)$", output, re.MULTILINE)
    return {name: counts[process] for process, name in branches}


def count(arguments, folder):
    """Return what Python printed, and the instructions of each process, forked ones included."""
    # Cachegrind without its cache is the fastest of valgrind's tools that count.
    counter = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
    counter.append("--cachegrind-out-file=/dev/null")
    finished = run([*counter, sys.executable, *arguments], folder)
    counts = re.findall(r"^==(\d+)== I\s+refs:\s+([\d,]+)", finished.stderr, re.MULTILINE)
    return finished.stdout, {process: int(refs.replace(",", "")) for process, refs in counts}


def run(command, folder):
    """Run a command; the paths in its environment are relative, the same in every folder."""
    environment = child_environment(".", PYTHONHASHSEED="0", HOME="/nonexistent")
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if finished.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{finished.stdout}\n{finished.stderr}")
    return finished
