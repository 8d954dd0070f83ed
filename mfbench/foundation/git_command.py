"""Running git the same way on every machine."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mfbench.foundation.errors import Failure

IDENTITY = "metaflow-benchmarks <metaflow-benchmarks@localhost>"


def environment() -> dict[str, str]:
    """Return an environment without the person's git configuration, which could change hashes."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }


def executable() -> str:
    """Return the path of git."""
    found = shutil.which("git")
    if found is None:
        raise Failure("git is missing; install it (on Debian: apt-get install git) and run again")
    return found


def command(repository: Path, *arguments: str) -> list[str]:
    """Return the command line that runs git on `repository`: without hooks, whoever owns it."""
    settings = ["-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*"]
    return [executable(), "-C", str(repository), *settings, *arguments]


def git_bytes(repository: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Run git in a repository and return what it printed."""
    finished = subprocess.run(
        command(repository, *arguments),
        input=stdin,
        capture_output=True,
        env=environment(),
        # Ctrl-C must reach this program only, which decides whether git stops.
        start_new_session=True,
    )
    if finished.returncode != 0:
        why = reason(finished.stderr)
        raise Failure(f"git {arguments[0]} failed in {repository.name}/: {why}")
    return finished.stdout


def git(repository: Path, *arguments: str, stdin: bytes = b"") -> str:
    """Run git in a repository and return what it printed as text, without the last newline."""
    return git_bytes(repository, *arguments, stdin=stdin).decode(errors="replace").rstrip("\n")


def reason(said: bytes) -> str:
    """Return what git says went wrong, from its first error on, in one line."""
    text = said.decode(errors="replace")
    found = re.search(r"^(fatal|error): .*", text, re.MULTILINE | re.DOTALL)
    return " ".join((found[0] if found else text).split()) or "no reason given"


@contextmanager
def delay_interrupts() -> Iterator[None]:
    """Delay Ctrl-C until the block ends: half a checkout would look like a person's changes."""
    came: list[int] = []
    usual = signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
    if came:
        signal.raise_signal(signal.SIGINT)


def is_repository(folder: Path) -> bool:
    """Return whether `folder` is itself a git work tree, not merely inside one."""
    return (folder / ".git").exists()


def commit_of(repository: Path, name: str) -> str | None:
    """Return the hash of the commit that `name` stands for, None if there is none."""
    asked = f"{name}^{{commit}}\n".encode()
    answer = git(repository, "cat-file", "--batch-check=%(objectname)", stdin=asked)
    # git answers "NAME missing" or "NAME ambiguous" where it knows no commit.
    return None if " " in answer else answer
