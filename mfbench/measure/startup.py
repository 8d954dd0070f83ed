"""Start-up of real commands at two commits, timed by pyperf in fresh processes that alternate.

asv has one environment and installs one commit after the other; sides that alternate process by
process need one each. asv's own code makes them from ``asv.conf.json``, so they hold what the
suite's environment holds. They are kept by commit in ``.asv/``.
"""

from __future__ import annotations

import os
import platform
import random
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyperf
from asv import util
from asv.environment import get_environments
from asv.repo import get_repo

# Imported so that asv knows this project's repository and environments.
import mfbench.asv_plugin.environment
import mfbench.asv_plugin.repository  # noqa: F401
from benchmarks.support.environment import child_environment
from benchmarks.support.processes import METAFLOW_COMMAND, place_flow
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import delay_interrupts
from mfbench.foundation.paths import ROOT, UPSTREAM
from mfbench.foundation.progress import progress_bar
from mfbench.measure.asv_command import configuration
from mfbench.results.startup_times import PLAIN_PYTHON, files_of

ENVIRONMENTS = ROOT / ".asv" / "startup"
SEED = 20190312
FLOW = "hello.py"
# Arguments of Python.
COMMANDS: dict[str, tuple[str, ...]] = {
    PLAIN_PYTHON: ("-c", "pass"),
    "import": ("-c", "import metaflow"),
    "cli": ("-c", METAFLOW_COMMAND),
    "help": (FLOW, "--help"),
    "show": (FLOW, "show"),
    "run": (FLOW, "--no-pylint", "run"),
}
# One value per process: no loops, and no first value that is thrown away.
ONE_VALUE = ("--quiet", "--copy-env", "--processes=1", "--values=1", "--warmups=0", "--loops=1")
# They name the host and the folder of this checkout, which are nobody's business.
LEFT_OUT = ("hostname", "command")
# A commit, and one value of it.
Timed = tuple[str, pyperf.Run]


def measure_startup(
    commits: tuple[str, str], names: Sequence[str], rounds: int, folder: Path
) -> None:
    """Time some of `COMMANDS` at base and head; each complete round is added to both files."""
    pythons = {}
    for commit in commits:
        print(f"environment of {commit[:8]}", flush=True)
        pythons[commit] = make_environment(commit)
    # An installation that is still being written to the disk would slow down what follows.
    os.sync()
    ordered = [name for name in COMMANDS if name in names]
    with progress_bar() as progress:
        # Files that are read for the first time are slow, and pyperf does not tell why one fails.
        for name in progress.track(ordered, description="warming up"):
            for commit, python in pythons.items():
                start([str(python), *COMMANDS[name]], f"{name} of {commit[:8]}")
        for number in progress.track(range(rounds), description="rounds"):
            measured = list(one_round(pythons, ordered, number))
            with delay_interrupts():
                add(folder, commits, measured, anew=number == 0)


def make_environment(commit: str) -> Path:
    """Make the environment of a commit, or find it in `ENVIRONMENTS`; return its Python."""
    conf = configuration()
    conf.repo, conf.env_dir = str(UPSTREAM), str(ENVIRONMENTS / commit[:8])
    for name in ("build_command", "install_command", "uninstall_command"):
        # asv would put in the folder from which it was called.
        lines = [each.replace("{conf_dir}", str(ROOT)) for each in getattr(conf, name)]
        setattr(conf, name, lines)
    try:
        (environment,) = get_environments(conf, None)
        environment.create()
        environment.install_project(conf, get_repo(conf), commit)
        return Path(environment.find_executable("python"))
    except (util.UserError, util.ProcessError) as problem:
        reason = str(problem).strip().partition("\n")[0]
        raise Failure(f"no environment for {commit[:8]} ({reason}); fix it, run again") from None


def one_round(pythons: Mapping[str, Path], names: Sequence[str], number: int) -> Iterator[Timed]:
    """Time each command once at each commit; yield commits and runs."""
    # Whoever runs second may find warmer caches, or wait for what the first still writes. So the
    # order of the commands changes each round, and the commits take turns in going first.
    for place, name in enumerate(random.Random(SEED + number).sample(names, len(names))):
        for commit in list(pythons)[:: 1 if (number + place) % 2 == 0 else -1]:
            yield commit, time_once(commit, pythons[commit], name)


def time_once(commit: str, python: Path, name: str) -> pyperf.Run:
    """Let ``pyperf command`` time one of `COMMANDS` once; one value, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "value.json"
        command = [sys.executable, "-m", "pyperf", "command", *ONE_VALUE, "--name", name]
        command += ["--output", str(output), str(python), *COMMANDS[name]]
        start(command, f"{name} of {commit[:8]}")
        (run,) = pyperf.Benchmark.load(str(output)).get_runs()
    facts = {key: value for key, value in run.get_metadata().items() if key not in LEFT_OUT}
    facts |= {"command": shlex.join(["python", *COMMANDS[name]]), "commit": commit}
    # pyperf does not ask a command for its Python; it is the version that runs this.
    facts["python_version"] = platform.python_version()
    return pyperf.Run(run.values, metadata=facts, collect_metadata=False)


def start(command: Sequence[str], what: str) -> None:
    """Run a command in the benchmarks' environment and a new folder, with a flow in it."""
    # After an interruption, processes that still run may write into it.
    with tempfile.TemporaryDirectory(prefix="startup-", ignore_cleanup_errors=True) as folder:
        place_flow(FLOW, Path(folder))
        finished = subprocess.run(
            command,
            cwd=folder,
            env=child_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    if finished.returncode != 0:
        last = (finished.stdout.strip().splitlines() or [f"exit code {finished.returncode}"])[-1]
        raise Failure(f"{what} fails ({last.strip()}); choose other commands with --only")


def add(folder: Path, commits: tuple[str, str], measured: Iterable[Timed], anew: bool) -> None:
    """Add a round to the files of base and head; `anew` replaces those of an earlier run."""
    files = dict(zip(commits, files_of(folder)))
    folder.mkdir(parents=True, exist_ok=True)
    for path in files.values() if anew else ():
        path.unlink(missing_ok=True)
    for commit, run in measured:
        pyperf.add_runs(str(files[commit]), pyperf.Benchmark([run]))
