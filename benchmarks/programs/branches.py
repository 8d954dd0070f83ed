"""Do one thing in each of several forked processes, so that valgrind counts each of them.

A fork inherits what was counted before it: importing metaflow, the slow part, is done once here
and still counts for every branch. Each line `branch PROCESS NAME` tells which process did what.

Arguments: the folder that holds `benchmarks/`, and what to do. Whatever is imported above the
branches is counted for each, so nothing is that Python has not imported by itself.
"""

import os
import sys

branches = {}


def branch(name, action, *arguments):
    """Do something in a process of its own that ends as any program does."""
    process = os.fork()
    if process == 0:
        action(*arguments)
        sys.exit()
    branches[name] = process
    _, status = os.waitpid(process, 0)
    if status:
        raise RuntimeError(f"{name} ended with status {status}")


def nothing():
    """Stand for a branch that only ends."""


def commands():
    """Import metaflow, then go on as each command does: they all begin with that."""
    import metaflow  # noqa: F401

    branch("import metaflow", nothing)
    branch("from metaflow import FlowSpec, step", import_names)
    branch("metaflow", start_metaflow)
    branch("flow.py --help", start_flow, "--help")
    branch("flow.py show", start_flow, "show")
    branch("flow.py step", start_flow, *task(2))


def task(number):
    """Return what the runtime starts a task of the flow's first step with."""
    options = ["--run-id", "1", "--task-id", str(number), "--input-paths", "1/_parameters/0"]
    return ["--quiet", "--no-pylint", "step", "start", *options]


def import_names():
    """Import what the smallest flow imports."""
    from metaflow import FlowSpec, step  # noqa: F401


def start_metaflow():
    """Go on as the `metaflow` command."""
    from metaflow.cmd.main_cli import start

    sys.argv = ["metaflow"]
    start()


def start_flow(*arguments):
    """Go on as `python hello.py ARGUMENT...`."""
    from pathlib import Path

    sys.argv = ["hello.py", *arguments]
    # This module is `__main__` already, as the flow's script would be.
    globals()["__file__"] = "hello.py"
    exec(compile(Path("hello.py").read_text(), "hello.py", "exec"), globals())


def artifacts(*payloads):
    """Save and load each payload, all code warm."""
    from benchmarks.artifacts import load, save
    from benchmarks.payloads import make_payload

    made = {name: [("artifact", make_payload(name))] for name in payloads}
    save([("warm_up", {"warm": "up"})], "warm_up")
    load(["warm_up"], "warm_up")
    for name in payloads:
        save(made[name], f"{name}.loaded")
    branch("nothing", os._exit, 0)
    for name in payloads:
        branch(f"save {name}", last, save, made[name], f"{name}.saved")
        branch(f"load {name}", last, load, ["artifact"], f"{name}.loaded")


def last(action, *arguments):
    """Do something and end at once, so that tidying up is not counted."""
    action(*arguments)
    os._exit(0)


if __name__ == "__main__":
    _, benchmarks_parent, what, *rest = sys.argv
    if what == "artifacts":
        sys.path.insert(0, benchmarks_parent)
        artifacts(*rest)
    else:
        commands()
    for name, process in branches.items():
        print("branch", process, name)
