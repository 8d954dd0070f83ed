"""Print what a foreach costs with METAFLOW_RUNTIME_FORK=1: instructions of its parts, page faults.

Arguments: widths. Start it with a Python that has metaflow. Instructions of the kernel, which forks
processes and copies the pages that they change, are not counted; page faults tell of them.
"""

import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.support.environment import child_environment, take_control
from benchmarks.support.processes import PROGRAMS, counted_instructions, place_flow


def count_run(width, folder):
    """Return the logs of a run's processes under valgrind, and the page faults of another run."""
    for each in "counted_python.sh", "foreach.py":
        place_flow(each, folder)
    (folder / "counts").mkdir()
    environment = child_environment(
        folder,
        METAFLOW_RUNTIME_FORK="1",
        METAFLOW_RUNTIME_FORK_TIMEOUT="600",
        METAFLOW_RUN_WIDTH=width,
        PYTHON=sys.executable,
        PYTHONHASHSEED="0",
    )

    def run(*command):
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
        subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before

    plain = (sys.executable, "foreach.py", "--no-pylint", "run")
    run(*plain)  # which compiles all modules
    faults = run(*plain)
    run("./counted_python.sh", PROGRAMS / "counted_run.py", "foreach.py")
    return {log.name: log.read_text() for log in (folder / "counts").iterdir()}, faults


def parts(logs):
    """Return the instructions of the run's process, of the one that forks, and of each task."""
    # A process that becomes another program, such as git, has no count.
    counts = {
        process: count for process, log in logs.items() if (count := counted_instructions(log))
    }
    parents = {process: re.search(r"Parent PID: (\d+)", logs[process])[1] for process in counts}
    commands = {process: re.search(r"Command: (.+)", logs[process])[1] for process in counts}
    (run,) = (process for process in counts if parents[process] not in counts)
    forking = {parent for parent in parents.values() if parents.get(parent) == run}

    def own(process):
        """Leave out what a forked process has inherited from its parent."""
        parent = parents[process]
        return counts[process] - counts[parent] * (commands[parent] == commands[process])

    tasks = [own(process) for process in counts.keys() - set(parents.values())]
    return counts[run], sum(map(counts.get, forking)), tasks


if __name__ == "__main__":
    take_control()
    for width in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as name:
            logs, faults = count_run(width, Path(name))
        run, forking, tasks = parts(logs)
        print(
            f"width {width}: process of the run {run / 1e6:.0f} M, process that forks "
            f"{forking / 1e6:.0f} M, {len(tasks)} tasks {sum(tasks) / 1e6:.0f} M instructions; "
            f"{faults} page faults",
            flush=True,
        )
