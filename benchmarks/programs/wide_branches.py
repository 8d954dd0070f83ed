"""Count the instructions of wide runs, each in a process forked from one that has metaflow.

Valgrind does not follow what a process starts. So a run's count is that of its own process alone,
and tasks run at full speed. Those of a foreach are finished at once: `finished_task.sh` takes them
from what `prepare` saved. Tasks run one at a time, for they must end in the same order each time.

Arguments: `prepare RUN WIDTH...`, `foreach WIDTH...`, `print LINES...` or `pylint FOLDER`.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

import branches
from branches import branch

RUNS = Path(".metaflow", "Foreach")
ONE_BY_ONE = ("--max-workers", "1", "--max-num-splits", "1000")


def prepare(run, *widths):
    """Save the tasks of foreaches, each with all artifacts of the one task of a run of width 1."""
    from metaflow.datastore import FlowDataStore
    from metaflow.metaflow_environment import MetaflowEnvironment
    from metaflow.plugins.datastores.local_storage import LocalStorage

    store = FlowDataStore(
        "Foreach", MetaflowEnvironment(None), storage_impl=LocalStorage, ds_root=str(RUNS.parent)
    )
    (real,) = tasks_of(run, "work")
    task = store.get_task_datastore(run, "work", real)
    artifacts = dict(task.load_artifacts(list(task)))
    *outer, frame = artifacts["_foreach_stack"]
    for width in map(int, widths):
        for index in range(width):
            artifacts["_foreach_stack"] = [*outer, frame._replace(index=index, num_splits=width)]
            artifacts.update(square=index**2, width=width)
            place = (f"prepared-{width}", "work", str(index))
            task = store.get_task_datastore(*place, attempt=0, mode="w")
            task.init_task()
            task.save_artifacts(iter(artifacts.items()), len_hint=len(artifacts))
            task.done()


def tasks_of(run, step):
    """Return the numbers of a step's tasks, as the run made them."""
    return sorted((each.name for each in (RUNS / run / step).glob("[0-9]*")), key=int)


def foreach(*widths):
    """Count runs of these widths, then the join of each, and one of its tasks."""
    for width in widths:
        branch(f"run {width}", run_foreach, width)
    for width in widths:
        # First, for there is a task more afterwards.
        branch(f"join {width}", start_task, width, "join")
        branch(f"task {width}", start_task, width, "work", "--split-index", "0")


def run_foreach(width):
    """Run a foreach, whose join checks what the tasks saved."""
    os.environ.update(PYTHON=sys.executable, WIDTH=width)
    sys.executable = "flows/finished_task.sh"
    options = ["--width", width, "--run-id-file", f"run-{width}", *ONE_BY_ONE]
    start_run("foreach.py", "--no-pylint", "run", *options)


def start_task(width, step, *options):
    """Go on as one more task of a step, as the run would start it."""
    from metaflow.util import compress_list

    run = Path(f"run-{width}").read_text().strip()
    before = "start" if step == "work" else "work"
    paths = compress_list([f"{run}/{before}/{task}" for task in tasks_of(run, before)])
    names = ["--run-id", run, "--task-id", "100000", "--input-paths", paths]
    start_flow("foreach.py", "--quiet", "--no-pylint", "step", step, *names, *options)


def print_lines(*numbers):
    """Count runs whose first task prints so many lines, and waits until they are read."""
    for number in numbers:
        options = ["--lines", number, "--wait", "1"]
        branch(f"print {number}", start_run, "printing.py", "--no-pylint", "run", *options)


def lint(folder):
    """Count the second run of a flow where pylint is installed: in a folder that is on the path."""
    os.environ.update(HOME=".", METAFLOW_HOME=".metaflowconfig")
    environment = {**os.environ, "PYTHONPATH": folder}
    subprocess.run([sys.executable, "flows/hello.py", "run"], env=environment, check=True)
    # As in the first run: what is kept of it may depend on where modules are looked for.
    sys.path[:1] = [os.path.abspath("flows"), folder]  # noqa: PTH100
    branch("pylint", start_run, "hello.py", "run")


def start_run(script, *arguments):
    """Run a flow, but wait for the thread that packs its code, which would change the count."""
    from metaflow.package import MetaflowPackage

    begin = MetaflowPackage.__init__

    def begin_and_end(package, *arguments, **options):
        begin(package, *arguments, **options)
        for thread in threading.enumerate():
            if thread is not threading.current_thread():
                thread.join()

    MetaflowPackage.__init__ = begin_and_end
    start_flow(script, *arguments)


def start_flow(script, *arguments):
    """Go on as `python flows/SCRIPT ARGUMENT...`."""
    script = f"flows/{script}"
    sys.argv = [script, *arguments]
    # This module is `__main__` already, as the flow's script would be.
    globals()["__file__"] = os.path.abspath(script)  # noqa: PTH100
    exec(compile(Path(script).read_text(), script, "exec"), globals())


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "prepare":
        prepare(*arguments)
    else:
        import metaflow  # noqa: F401

        {"foreach": foreach, "print": print_lines, "pylint": lint}[what](*arguments)
    for name, process in branches.branches.items():
        print("branch", process, name)
