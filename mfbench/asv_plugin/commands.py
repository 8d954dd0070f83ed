"""asv plugin: changes to asv's commands for which asv has no option."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timezone
from functools import partial, partialmethod
from pathlib import Path
from typing import Any

from asv import util
from asv.commands.asv_profiling import Profile
from asv.commands.check import Check
from asv.commands.compare import Compare
from asv.commands.continuous import Continuous
from asv.commands.find import Find
from asv.commands.run import Run
from asv.commands.setup import Setup
from asv.commands.update import Update
from asv.machine import Machine
from asv.repo import get_repo
from asv.results import Results

from mfbench.asv_plugin import LOCK, LOCKED, RUN
from mfbench.foundation.errors import Failure
from mfbench.foundation.files import atomic_write, locked
from mfbench.foundation.mistakes import mistake
from mfbench.foundation.paths import RESULTS
from mfbench.foundation.terminal import use_plain_characters
from mfbench.repository.series import find_commit
from mfbench.results.benchmarks import discover
from mfbench.results.machines import ensure_machine, likeliest, machines_with
from mfbench.results.reader import DAMAGES, read_side

# Tells a benchmark that this is a quick run; benchmarks/support/environment.py reads it.
QUICK = "METAFLOW_BENCHMARKS_QUICK"
# The commands that make the measured environment or install a commit into it.
INSTALLING = (Check, Continuous, Find, Profile, Run, Setup, Update)

asv_compare, asv_add_result = Compare.run, Results.add_result
asv_load_machine, asv_write_json = Machine.load, util.write_json


def compare(conf: Any, hash_1: str, hash_2: str, **options: Any) -> None:
    """Run ``asv compare``; of several machines, choose the likeliest, where asv would ask."""
    names, results, machine = (hash_1, hash_2), Path(conf.results_dir), options.get("machine")
    upstream = Path(get_repo(conf)._path)
    commits = [find_commit(upstream, name) for name in names]
    measured = machines_with(results, commits)
    if machine not in measured:
        if machine or not measured:
            raise util.UserError(unmeasured(results, names, commits, machine))
        options["machine"] = likeliest(results, measured)
    asv_compare(conf, *commits, **options)


def unmeasured(
    results: Path, names: Sequence[str], commits: Sequence[str], machine: str | None
) -> str:
    """Say which of two commits no machine, or not this one, has measured, and how to do so."""
    lacking = []
    for name, commit in zip(names, commits):
        measured = machines_with(results, [commit])
        if machine not in measured if machine else not measured:
            lacking.append(f"{name} ({commit[:8]})")
    where = f"machine {machine}" if machine else "any machine" if lacking else "the same machine"
    verb = "was" if len(lacking) == 1 else "were"
    command = shlex.join(["mfbench", "run", *names, *(["--machine", machine] if machine else [])])
    what = f"{' and '.join(lacking or names)} {verb} not measured on {where}"
    return f"{what}; measure both with: {command}"


def run_exclusively(began: str | None, asv_command: Any, conf: Any, options: Any) -> Any:
    """Run a command of asv unless another one measures in this checkout already.

    They would disturb each other, install over each other and overwrite each other's results.
    `began` says when mfbench's run began, to which this belongs: mfbench then holds the lock.
    """
    if getattr(options, "quick", False):
        os.environ[QUICK] = "1"
    # There is one environment. asv tells benchmarks no commit that another process has installed.
    options.parallel = 1
    # None lets commits take turns, too. Where they do not, times are of no common run.
    if began or getattr(options, "interleave_rounds", False) is not False:
        start = datetime.fromtimestamp(float(began or time.time()), timezone.utc)
        Results.add_result = partialmethod(add_result, start)
    lock = Path(conf.env_dir).resolve().parent / LOCK
    with nullcontext() if began else locked(lock, LOCKED):
        # An author's mistake is told before a commit is built, in a line.
        discover(Path(conf.benchmark_dir).resolve())
        return asv_command(conf, options)


def add_result(results: Results, began: datetime, *facts: Any, **options: Any) -> None:
    """Store a result with the moment when its run began; asv's own is that of the last round."""
    asv_add_result(results, *facts, **options | {"started_at": began})


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
    """Print one line where asv would show a traceback for something that a person can fix."""
    if isinstance(problem, KeyboardInterrupt | BrokenPipeError):
        # Ctrl-C; or who reads our output (head, less) has ended.
        said = ""
    elif isinstance(problem, re.error):
        said = f"{problem.pattern!r} is no regular expression ({problem}); correct it and run again"
    elif isinstance(problem, Failure | OSError | util.ProcessError):
        said = str(problem)
    else:
        said = mistake(problem) or (damage() if isinstance(problem, DAMAGES) else "")
    if said:
        print(f"error: {' '.join(said.split())}", file=sys.stderr)
    elif not isinstance(problem, KeyboardInterrupt | BrokenPipeError):
        sys.__excepthook__(kind, problem, traceback)


def damage() -> str:
    """Name a damaged file of results, and what to do; empty if there is none."""
    for path in sorted(RESULTS.glob("*/*-*.json")):
        try:
            read_side(path, "")
        except Failure as failure:
            return str(failure)
    return ""


def setup() -> None:
    """Put the functions above in the place of asv's; asv calls this."""
    use_plain_characters()
    # Every measured process would inherit it, and compile metaflow at each start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Measured processes inherit nothing of it.
    alone = partial(run_exclusively, os.environ.pop(RUN, None))
    for each in INSTALLING:
        # Only the entry points: asv's commands call each other's run(), which must not take the
        # lock twice.
        each.run_from_conf_args = staticmethod(partial(alone, each.run_from_conf_args))
    Compare.run = staticmethod(compare)
    Machine.load = staticmethod(load_machine)
    util.write_json = write_json
    sys.excepthook = in_one_line
