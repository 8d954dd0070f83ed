"""One virtual environment a side, and processes in it that pyperf times.

asv has one environment and installs one commit after the other; sides that alternate process by
process need one each. They are made by asv's own code, from ``asv.conf.json``, so that they hold
what the suite's environment holds. Kept by commit in ``.asv/``, they are made once.
"""

from __future__ import annotations

import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyperf
from asv import util
from asv.config import Config
from asv.environment import get_environments
from asv.repo import get_repo

import scripts.asv_upstream  # noqa: F401 (it tells asv of this project's environments)
from benchmarks.processes import METAFLOW_COMMAND, place_flow
from benchmarks.surroundings import child_environment
from scripts.errors import Failure
from scripts.paths import ROOT, UPSTREAM

ENVIRONMENTS = ROOT / ".asv" / "startup"
FLOW = "hello.py"
# What Python is started with. The first starts nothing else: the control beside every other start.
COMMANDS: dict[str, tuple[str, ...]] = {
    "python": ("-c", "pass"),
    "import": ("-c", "import metaflow"),
    "cli": ("-c", METAFLOW_COMMAND),
    "help": (FLOW, "--help"),
    "show": (FLOW, "show"),
    "run": (FLOW, "--no-pylint", "run"),
}
# One value a process, as it comes: no loops, and no first value that is thrown away.
ONE_VALUE = ("--quiet", "--copy-env", "--processes=1", "--values=1", "--warmups=0", "--loops=1")
# The name of a host and the place of a clone are nobody's business, and not the same next time.
LEFT_OUT = ("hostname", "command")


@dataclass(frozen=True)
class Side:
    """One of the two that are compared.

    Attributes
    ----------
    commit : str
        The full hash.
    python : pathlib.Path
        The interpreter that has this commit's metaflow, and all that it needs.
    """

    commit: str
    python: Path


def make_side(commit: str, folder: Path = ENVIRONMENTS, upstream: Path = UPSTREAM) -> Side:
    """Make the environment of a commit, or find it as an earlier call has made it.

    Parameters
    ----------
    commit : str
        A full hash.
    folder : pathlib.Path, optional
        Where environments are kept, one folder a commit.
    upstream : pathlib.Path, optional
        The repository that has the commit.

    Returns
    -------
    Side
        The side, ready to start processes.

    Raises
    ------
    Failure
        Where asv can't make the environment or install the commit.
    """
    configuration = Config.load(str(ROOT / "asv.conf.json"))
    configuration.repo, configuration.env_dir = str(upstream), str(folder / commit[:8])
    for name in ("build_command", "install_command", "uninstall_command"):
        # To asv it is where it is called from.
        lines = [each.replace("{conf_dir}", str(ROOT)) for each in getattr(configuration, name)]
        setattr(configuration, name, lines)
    try:
        (environment,) = get_environments(configuration, None)
        environment.create()
        environment.install_project(configuration, get_repo(configuration), commit)
        return Side(commit, Path(environment.find_executable("python")))
    except (util.UserError, util.ProcessError) as problem:
        reason = str(problem).strip().partition("\n")[0]
        raise Failure(f"no environment for {commit[:8]}: {reason}") from None


def start_once(side: Side, name: str) -> None:
    """Run a command without timing it: what is read for the first time is read now.

    Parameters
    ----------
    side : Side
        Whose Python.
    name : str
        One of `COMMANDS`.

    Raises
    ------
    Failure
        Where the command fails, with the last line that it printed.
    """
    with fresh_folder() as folder:
        run_in(folder, [str(side.python), *COMMANDS[name]], f"{name} of {side.commit[:8]}")


def time_once(side: Side, name: str, **more: str) -> pyperf.Run:
    """Let ``pyperf command`` time a command in a fresh process, once.

    Parameters
    ----------
    side : Side
        Whose Python.
    name : str
        One of `COMMANDS`.
    **more : str
        What else the run's metadata is to tell.

    Returns
    -------
    pyperf.Run
        One value, in seconds, with what pyperf collects about this machine at this time.

    Raises
    ------
    Failure
        Where the command fails.
    """
    arguments = [str(side.python), *COMMANDS[name]]
    with fresh_folder() as folder, tempfile.TemporaryDirectory() as beside:
        output = Path(beside) / "value.json"
        command = [sys.executable, "-m", "pyperf", "command", *ONE_VALUE, "--name", name]
        command += ["--output", str(output), *arguments]
        run_in(folder, command, f"{name} of {side.commit[:8]}")
        (run,) = pyperf.Benchmark.load(str(output)).get_runs()
    facts = {key: value for key, value in run.get_metadata().items() if key not in LEFT_OUT}
    facts["command"] = shlex.join(["python", *COMMANDS[name]])
    # pyperf does not ask a command which Python it is; both sides' is the one that runs this.
    facts["python_version"] = platform.python_version()
    return pyperf.Run(run.values, metadata=facts | more, collect_metadata=False)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """Give a new folder with the flow in it, as a person's is; removed afterwards.

    Yields
    ------
    pathlib.Path
        Where to start processes.
    """
    # What an interruption leaves running may still write to it.
    with tempfile.TemporaryDirectory(prefix="startup-", ignore_cleanup_errors=True) as name:
        place_flow(FLOW, Path(name))
        yield Path(name)


def run_in(folder: Path, command: Sequence[str], what: str) -> None:
    """Run a command in the benchmarks' environment; what it starts ends with it."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=child_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # pyperf starts the command two processes further down: Ctrl-C ends them together, below.
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        last = (said.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        raise Failure(f"{what} fails ({last.strip()}); choose commands with --only")
