"""Executed instructions: what the code does, on any machine, however busy it is.

They repeat to within 0.01%, but see neither waiting nor disks nor the processes that a command
starts. All are counted in `setup_cache`, two at a time: other load changes the time it takes,
not the counts.
"""

import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.processes import METAFLOW_COMMAND, PROGRAMS, place_flow
from benchmarks.programs.branches import task
from benchmarks.surroundings import child_environment, short_of_time, skip_when_quick

PYTHON = "python"
COMMANDS = (
    PYTHON,
    "import metaflow",
    "from metaflow import FlowSpec, step",
    "metaflow",
    "flow.py --help",
    "flow.py show",
    "flow.py step",
)
ARTIFACT_PAYLOADS = ("float64-800KB", "metrics-52KB")
_BRANCH = re.compile(r"^branch (\d+) (.+)$", re.MULTILINE)
_COUNT = re.compile(r"^==(\d+)== I\s+refs:\s+([\d,]+)", re.MULTILINE)


class Counted:
    """Every count of the suite, made once for a commit."""

    version = "1"
    timeout = 60

    def setup_cache(self):
        if shutil.which("valgrind") is None or short_of_time():
            return {}
        folder = Path.cwd()
        place_flow("hello.py", folder)
        compile_everything(folder)
        with ThreadPoolExecutor(max_workers=2) as pool:
            commands = pool.submit(count_branches, folder, "commands")
            artifacts = pool.submit(count_branches, folder, "artifacts", *ARTIFACT_PAYLOADS)
            python = pool.submit(count_bare_python, folder)
            counts = {PYTHON: python.result(), **commands.result()}
            saves_and_loads = artifacts.result()
        # What every branch did before it saved or loaded.
        before = saves_and_loads.pop("nothing")
        return {**counts, **{name: count - before for name, count in saves_and_loads.items()}}

    setup_cache.timeout = 600


def require_counts(counts):
    """Skip where nothing could be counted."""
    skip_when_quick("under valgrind all takes fifty times as long")
    if not counts:
        raise SkipNotImplemented("valgrind is not installed, and nothing else counts instructions")


class Command(Counted):
    """Instructions of a command from its start to its end: what a person pays each time."""

    params = COMMANDS
    param_names = ("command",)

    def setup(self, counts, command):
        require_counts(counts)

    def track_run(self, counts, command):
        return counts[command]

    track_run.unit = "instructions"


class Artifact(Counted):
    """Instructions of saving or loading one artifact, warm and with nothing else around it."""

    params = ARTIFACT_PAYLOADS
    param_names = ("payload",)

    def setup(self, counts, payload):
        require_counts(counts)

    def track_save(self, counts, payload):
        return counts[f"save {payload}"]

    def track_load(self, counts, payload):
        return counts[f"load {payload}"]

    track_save.unit = track_load.unit = "instructions"


def compile_everything(folder):
    """Run what will be counted once without counting, so that every .pyc is there.

    The run whose task is counted begins here, too, and its first task makes the step's folders.
    """
    flow = ("hello.py", "--no-pylint")
    for arguments in (
        ("-c", METAFLOW_COMMAND),
        ("hello.py", "--help"),
        ("hello.py", "show"),
        (*flow, "init", "--run-id", "1", "--task-id", "0"),
        ("hello.py", *task(1)),
    ):
        _run([sys.executable, *arguments], folder)


def count_bare_python(folder):
    """Count the instructions of an interpreter that does nothing."""
    _, counts = _counts(["-c", "pass"], folder)
    return next(iter(counts.values()))


def count_branches(folder, what, *payloads):
    """Count the instructions of each branch of `programs/branches.py`, from Python's start on."""
    program = str(PROGRAMS / "branches.py")
    output, counts = _counts([program, str(PROGRAMS.parent.parent), what, *payloads], folder)
    return {name: counts[int(process)] for process, name in _BRANCH.findall(output)}


def _counts(arguments, folder):
    """Return what was printed, and the instructions of each process, forked ones included."""
    # Cachegrind without its cache is the fastest of valgrind's tools that count.
    counter = ["valgrind", "--tool=cachegrind", "--cache-sim=no"]
    counter.append("--cachegrind-out-file=/dev/null")
    finished = _run([*counter, sys.executable, *arguments], folder)
    counts = {
        int(process): int(count.replace(",", ""))
        for process, count in _COUNT.findall(finished.stderr)
    }
    return finished.stdout, counts


def _run(command, folder):
    # Paths in the environment are relative, so that no two folders make a difference.
    environment = child_environment(".", PYTHONHASHSEED="0", HOME="/nonexistent")
    finished = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if finished.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{finished.stdout}\n{finished.stderr}")
    return finished
