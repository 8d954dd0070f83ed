"""What importing a package costs at two commits, module by module: ``python -X importtime``."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.errors import Failure
from scripts.git_command import git, git_bytes
from scripts.import_trees import LINE, Node, Side, parse, summed_up
from scripts.series import base_commit


def export(repository: Path, commit: str, package: str, python: Path, folder: Path) -> None:
    """Put a commit's package into a folder and compile it, beside an empty home."""
    present = git(repository, "ls-tree", "--name-only", commit).splitlines()
    paths = [name for name in (package, f"{package}.py") if name in present]
    if not paths:
        raise Failure(f"commit {commit[:8]} has no module {package}; name another with --module")
    (folder / "home").mkdir(parents=True)
    content = io.BytesIO(git_bytes(repository, "archive", "--format=tar", commit, "--", *paths))
    with tarfile.open(fileobj=content) as archive:
        archive.extractall(folder / "tree", filter="data")
    # As scripts.copy_install compiles. What is no Python stays as it is, and is no failure.
    command = [str(python), "-m", "compileall", "-qq", "-j", "0"]
    command += ["--invalidation-mode", "unchecked-hash", str(folder / "tree")]
    subprocess.run(command, env=environment(folder), cwd=folder / "home", capture_output=True)


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which the exported tree comes first, and no person's settings."""
    theirs = ("PYTHON", "METAFLOW_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    own = {"PYTHONPATH": str(folder / "tree"), "HOME": str(folder / "home")}
    return kept | own | {"PYTHONHASHSEED": "0", "METAFLOW_USER": "somebody"}


def import_once(python: Path, module: str, folder: Path, commit: str) -> Node:
    """Import a module of an exported commit in a fresh process; return its tree."""
    package = module.partition(".")[0]
    code = f"import {module}, sys; found = sys.modules[{package!r}]; "
    code += "print(getattr(found, '__file__', None) or found.__path__[0])"
    finished = subprocess.run(
        [python, "-X", "importtime", "-c", code],
        env=environment(folder),
        # Python looks into the current folder first: there must be nothing to import.
        cwd=folder / "home",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if finished.returncode != 0:
        said = [line for line in finished.stderr.splitlines() if not LINE.search(line)]
        reason = said[-1] if said else f"it ended with {finished.returncode}"
        raise Failure(f"import {module} fails at {commit}: {reason}")
    place = (finished.stdout.splitlines() or ["nowhere"])[-1]
    if not Path(place).resolve().is_relative_to(folder / "tree"):
        raise Failure(f"{package} was imported from {place}, not from {commit}")
    # The last: where a package imports its own module, that is in the tree twice.
    return [node for node in parse(finished.stderr) if node.name == module][-1]


def measure(
    repository: Path, revisions: Sequence[str], python: Path, module: str, rounds: int
) -> list[Side]:
    """Import a module of two revisions in fresh processes, one of each in turn.

    Parameters
    ----------
    repository : pathlib.Path
        The git repository; only read.
    revisions : sequence of str
        Before and after.
    python : pathlib.Path
        An interpreter that has what the module needs.
    module : str
        Its full name.
    rounds : int
        Processes of each revision that count; one before them fills caches.

    Returns
    -------
    list of Side
        Before and after, in microseconds.

    Raises
    ------
    Failure
        Where a revision is unknown or lacks the module, or the import fails.
    """
    commits = [base_commit(repository, revision) for revision in revisions]
    said = [f"{name} ({commit[:8]})" for name, commit in zip(revisions, commits)]
    with tempfile.TemporaryDirectory(prefix="importtree-") as name:
        folders = [Path(name).resolve() / side for side in ("before", "after")]
        for commit, folder in zip(commits, folders):
            export(repository, commit, module.partition(".")[0], python, folder)
        made = [
            [import_once(python, module, *each) for each in zip(folders, said)]
            for _ in range(rounds + 1)
        ]
    sides = zip(revisions, commits, zip(*made[1:]))
    return [summed_up(revision, commit, trees) for revision, commit, trees in sides]
