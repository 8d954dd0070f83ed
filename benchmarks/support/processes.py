"""Starting Python, metaflow's command and flow scripts in processes of their own."""

import multiprocessing
import re
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.support.environment import child_environment

PROGRAMS = Path(__file__).resolve().parent.parent / "programs"

# The measured environment has metaflow's package but no console script.
METAFLOW_COMMAND = (
    "import sys; sys.argv[0] = 'metaflow'; from metaflow.cmd.main_cli import start; start()"
)


def run_python(arguments, folder, **environment):
    """Run Python in `folder`; return what it printed, or raise with what it complained of."""
    finished = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=child_environment(folder, **environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if finished.returncode:
        raise RuntimeError(
            f"{' '.join(arguments)} ended with status {finished.returncode}\n"
            f"{finished.stdout[-2000:]}\n{finished.stderr[-2000:]}"
        )
    return finished.stdout


def run_in_fork(action, *arguments):
    """Do something in a forked process, and raise if it fails."""
    process = multiprocessing.get_context("fork").Process(target=action, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{action.__name__} ended with status {process.exitcode}, see above")


def place_flow(name, folder, first_line=""):
    """Copy a flow script into `folder`, where a person would start it; return its name."""
    placed = Path(shutil.copy(PROGRAMS / name, folder / name))
    if first_line:
        placed.write_text(first_line + placed.read_text())
    return name


def run_counted(script, folder, **environment):
    """Run a flow in `folder`; its tasks and sidecars are counted by valgrind, into counts/."""
    place_flow("counted_python.sh", folder)
    (folder / "counts").mkdir()
    environment |= {"PYTHON": sys.executable, "PYTHONHASHSEED": "0"}
    run_python([str(PROGRAMS / "counted_run.py"), script], folder, **environment)


def counted_instructions(log):
    """Return the instructions of which a log of valgrind tells; None if its process goes on."""
    found = re.search(r"I +refs: +([\d,]+)", log)
    return int(found[1].replace(",", "")) if found else None


def log_processes(folder):
    """Return the variables that let Python log in a folder which processes it starts."""
    shutil.copy(PROGRAMS / "log_processes.py", folder / "sitecustomize.py")
    return {"PYTHONPATH": str(folder), "PROCESS_LOG": str(folder / "processes")}


def logged_processes(folder):
    """Return how many processes were logged in a folder."""
    log = folder / "processes"
    return len(log.read_text().splitlines()) if log.exists() else 0
