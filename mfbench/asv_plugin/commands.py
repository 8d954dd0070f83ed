"""asv plugin: changes to asv's commands for which asv has no option."""

from __future__ import annotations

import fcntl
import os
import sys
from pathlib import Path
from typing import Any

from asv import util
from asv.commands.compare import Compare
from asv.commands.run import Run
from asv.machine import Machine
from asv.repo import NoSuchNameError, get_repo

from mfbench.foundation.errors import Failure
from mfbench.foundation.files import atomic_write
from mfbench.results.machines import ensure_machine, likeliest, machines_with, this_machine

# Tells a benchmark that this is a quick run; benchmarks/support/environment.py reads it.
QUICK = "METAFLOW_BENCHMARKS_QUICK"

asv_compare, asv_run = Compare.run, Run.run
asv_load_machine, asv_write_json = Machine.load, util.write_json


def compare(conf: Any, hash_1: str, hash_2: str, **options: Any) -> None:
    """Run ``asv compare``; of several machines, choose the likeliest, where asv would ask."""
    repository, results = get_repo(conf), Path(conf.results_dir)
    try:
        commits = [repository.get_hash_from_name(each) for each in (hash_1, hash_2)]
    except NoSuchNameError as problem:
        raise util.UserError(
            f"unknown revision {problem}; git -C upstream tag lists the releases"
        ) from None
    if not options.get("machine") and (measured := machines_with(results, commits)):
        options["machine"] = likeliest(results, measured, this_machine())
    asv_compare(conf, hash_1, hash_2, **options)


def run_alone(conf: Any, *arguments: Any, **options: Any) -> Any:
    """Run ``asv run`` unless another one measures in this checkout already.

    They would disturb each other, install over each other and overwrite each other's results.
    """
    if options.get("quick"):
        os.environ[QUICK] = "1"
    lock = Path(conf.env_dir).resolve().parent / "measuring"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise util.UserError(
                "another run measures in this checkout; wait for it to end, or use another clone"
            ) from None
        return asv_run(conf, *arguments, **options)


def load_machine(machine_name: str | None = None, **options: Any) -> Machine:
    """Load the facts about this machine; record them the first time, without asking."""
    if options.get("interactive"):
        ensure_machine(machine_name)
    return asv_load_machine(machine_name=machine_name, **options)


def write_json(path: str, *contents: Any, **options: Any) -> None:
    """Write JSON as asv does, but whole or not at all: after a kill the old file is still there."""
    with atomic_write(Path(path)) as temporary:
        asv_write_json(str(temporary), *contents, **options)


def in_one_line(kind: type[BaseException], problem: BaseException, traceback: Any) -> None:
    """Print one line where asv would show a traceback for something that a person can mend."""
    if isinstance(problem, Failure | OSError | util.ProcessError):
        print(f"error: {' '.join(str(problem).split())}", file=sys.stderr)
    elif not isinstance(problem, KeyboardInterrupt):
        sys.__excepthook__(kind, problem, traceback)


def setup() -> None:
    """Put the functions above in the place of asv's; asv calls this."""
    # Every measured process would inherit it, and compile metaflow at each start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    Compare.run = staticmethod(compare)
    Run.run = staticmethod(run_alone)
    Machine.load = staticmethod(load_machine)
    util.write_json = write_json
    sys.excepthook = in_one_line
