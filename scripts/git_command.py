"""Running git the same way on every machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from scripts.errors import Failure

IDENTITY = "metaflow-benchmarks <metaflow-benchmarks@localhost>"
# What a person's own repository may set, and what would change hashes or run their programs.
SETTINGS = {
    "core.hooksPath": "/dev/null",
    "core.autocrlf": "false",
    "core.fsmonitor": "false",
    "i18n.commitEncoding": "UTF-8",
    "format.signature": "",
    # The repository is this project's own, whoever owns its folder.
    "safe.directory": "*",
}
UNKNOWN = 1


def environment() -> dict[str, str]:
    """Return an environment in which a person's git configuration has no say.

    Hooks, signatures, line endings and templates of one's own would change the hashes.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def executable() -> str:
    """Find git, or say that it is missing."""
    found = shutil.which("git")
    if found is None:
        raise Failure("git is missing; install it (on Debian: apt-get install git) and run again")
    return found


def command(repository: Path, *arguments: str) -> list[str]:
    """Return the command line that runs git on `repository` whatever that is configured to."""
    settings = [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
    return [executable(), "-C", str(repository), *settings, *arguments]


def git_bytes(
    repository: Path,
    *arguments: str,
    stdin: bytes = b"",
    variables: Mapping[str, str] | None = None,
) -> bytes:
    """Run git in a repository.

    Parameters
    ----------
    repository : pathlib.Path
        The work tree or git directory.
    *arguments : str
        The subcommand and its arguments.
    stdin : bytes, optional
        What it reads.
    variables : mapping of str to str, optional
        Set in its environment.

    Returns
    -------
    bytes
        What it printed.
    """
    finished = subprocess.run(
        command(repository, *arguments),
        input=stdin,
        capture_output=True,
        env=environment() | dict(variables or {}),
        # Ctrl-C is for this program, which decides what it means for git.
        start_new_session=True,
    )
    if finished.returncode != 0:
        said = finished.stderr.decode(errors="replace")
        raise Failure(f"git {arguments[0]} failed in {repository.name}/: {reason(said)}")
    return finished.stdout


def git(repository: Path, *arguments: str) -> str:
    """Run git in a repository; return what it printed as text, without the last line's end."""
    return git_bytes(repository, *arguments).decode(errors="replace").rstrip("\n")


@contextmanager
def before_interrupts() -> Iterator[None]:
    """Heed Ctrl-C after the block: half of a checkout would look like a person's changes."""
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if came:
        raise KeyboardInterrupt


def reason(said: str) -> str:
    """Pick the line in which git says what went wrong."""
    lines = said.strip().splitlines() or ["no reason given"]
    return next((line for line in lines if line.startswith(("fatal: ", "error: "))), lines[0])


def is_repository(folder: Path) -> bool:
    """Tell whether `folder` is itself a git work tree (not merely inside one)."""
    return (folder / ".git").exists()


def commit_of(repository: Path, name: str) -> str | None:
    """Return the hash of the commit that `name` stands for, None where there is none."""
    wanted = ["rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
    finished = subprocess.run(
        command(repository, *wanted), capture_output=True, text=True, env=environment()
    )
    if finished.returncode == UNKNOWN:
        return None
    if finished.returncode != 0:
        raise Failure(f"git can't read {repository.name}/: {reason(finished.stderr)}")
    return finished.stdout.strip()


def is_clean(repository: Path) -> bool:
    """Tell whether the work tree holds no change that git knows of."""
    return not git(repository, "status", "--porcelain", "--untracked-files=no")
