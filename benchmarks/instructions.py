"""Executed instructions: what the code does, on any machine, however busy it is.

They repeat to within 0.01%, but see neither waiting nor disks nor the processes that a command
starts. All are counted in `setup_cache`, two at a time: other load changes the time it takes,
not the counts.
"""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.processes import FLOW_FILES, METAFLOW_COMMAND, place_flow
from benchmarks.surroundings import child_environment

COMMANDS = {
    "python": ["-c", "pass"],
    "import metaflow": ["-c", "import metaflow"],
    "from metaflow import FlowSpec, step": ["-c", "from metaflow import FlowSpec, step"],
    "metaflow": ["-c", METAFLOW_COMMAND],
    "flow.py --help": ["hello.py", "--help"],
    "flow.py show": ["hello.py", "show"],
}
# In the order in which flow_files/save_and_load.py does them.
ARTIFACT_PAYLOADS = ("float64-800KB", "metrics-52KB")


class Counted:
    """Every count of the suite, made once for a commit."""

    version = "1"
    timeout = 60

    def setup_cache(self):
        valgrind = shutil.which("valgrind")
        if valgrind is None:
            return {}
        folder = Path.cwd()
        place_flow("hello.py", folder)
        for arguments in COMMANDS.values():  # so that every .pyc is there
            _run([sys.executable, *arguments], folder)
        with ThreadPoolExecutor(max_workers=min(2, os.cpu_count() or 1)) as pool:
            # The longest first.
            artifacts = pool.submit(count_saves_and_loads, valgrind, folder)
            commands = {
                name: pool.submit(count_command, valgrind, arguments, folder)
                for name, arguments in COMMANDS.items()
            }
            counts = {name: future.result() for name, future in commands.items()}
            return {**counts, **artifacts.result()}

    setup_cache.timeout = 600


def require_counts(counts):
    """Skip where nothing could be counted."""
    if not counts:
        raise SkipNotImplemented("valgrind is not installed, and nothing else counts instructions")


class Command(Counted):
    """Instructions of a command from its start to its end: what a person pays each time."""

    params = tuple(COMMANDS)
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
        return counts["save", payload]

    def track_load(self, counts, payload):
        return counts["load", payload]

    track_save.unit = track_load.unit = "instructions"


def count_command(valgrind, arguments, folder):
    """Count the instructions of one command; cachegrind is the fastest tool that counts."""
    report = _run(
        [
            *(valgrind, "--tool=cachegrind", "--cache-sim=no"),
            *("--cachegrind-out-file=/dev/null", sys.executable, *arguments),
        ],
        folder,
    )
    return int(re.search(r"I\s+refs:\s+([\d,]+)", report)[1].replace(",", ""))


def count_saves_and_loads(valgrind, folder):
    """Count each save and load of one process, which callgrind can tell apart.

    The script calls `getppid` around each: callgrind writes out, and begins anew, there.
    """
    script = str(FLOW_FILES / "save_and_load.py")
    counts_file = folder / "counts"
    _run(
        [
            *(valgrind, "--tool=callgrind", "--dump-before=getppid"),
            *(f"--callgrind-out-file={counts_file}", sys.executable, script),
            *(str(FLOW_FILES.parent.parent), *ARTIFACT_PAYLOADS),
        ],
        folder,
    )
    actions = [(verb, payload) for payload in ARTIFACT_PAYLOADS for verb in ("save", "load")]
    # Part 1 is all that came before the first action.
    parts = [Path(f"{counts_file}.{part}") for part in range(2, 2 + len(actions))]
    return {
        action: int(re.search(r"^(?:summary|totals): (\d+)", part.read_text(), re.MULTILINE)[1])
        for action, part in zip(actions, parts)
    }


def _run(command, folder):
    # Paths in the environment are relative, so that no two folders make a difference.
    environment = child_environment(".", PYTHONHASHSEED="0", HOME="/nonexistent")
    finished = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if finished.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{finished.stdout}\n{finished.stderr}")
    return finished.stderr
