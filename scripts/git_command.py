"""Running git the same way on every machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from scripts.errors import Failure

IDENTITY = "metaflow-benchmarks <metaflow-benchmarks@localhost>"


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


def git(repository: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """Run git in a repository.

    Parameters
    ----------
    repository : pathlib.Path
        The work tree or git directory.
    *arguments : str
        The subcommand and its arguments.
    stdin : bytes, optional
        What it reads.

    Returns
    -------
    str
        What it printed, without the last line's end.
    """
    finished = subprocess.run(
        [executable(), "-C", str(repository), *arguments],
        input=stdin,
        capture_output=True,
        env=environment(),
    )
    if finished.returncode != 0:
        said = finished.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise Failure(f"git {arguments[0]} failed in {repository.name}/: {said[-1]}")
    return finished.stdout.decode(errors="replace").rstrip("\n")


def is_repository(folder: Path) -> bool:
    """Tell whether `folder` is itself a git work tree (not merely inside one)."""
    return (folder / ".git").exists()


def commit_of(repository: Path, name: str) -> str | None:
    """Return the hash of the commit that `name` stands for, None where there is none."""
    try:
        return git(repository, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except Failure:
        return None


def is_clean(repository: Path) -> bool:
    """Tell whether the work tree holds no change that git knows of."""
    return not git(repository, "status", "--porcelain", "--untracked-files=no")
