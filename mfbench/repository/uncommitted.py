"""Throw-away commits of work that nobody has committed: `mfbench run --dirty` and `--tree`.

Such a commit differs from the one below it in the package alone. The index, the work tree and the
branches of upstream/ stay as they are.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git
from mfbench.repository.commits import TEMPORARY_REF, file_change, header, import_commits
from mfbench.repository.series import find_commit

PACKAGE = "metaflow"
# Keeps the commits from git's garbage collection; neither a branch nor a tag.
REFERENCE = "refs/metaflow-benchmarks/uncommitted"


def write_changes(upstream: Path) -> str:
    """Write what is changed or new in upstream/ on top of what is checked out; return the hash.

    New files that git ignores are left out.
    """
    options = ["-z", "--cached", "--others", "--exclude-standard"]
    listed = git(upstream, "ls-files", *options, "--", PACKAGE).split("\0")
    files = (upstream / name for name in dict.fromkeys(listed) if name)
    written = _write(upstream, find_commit(upstream, "HEAD"), upstream / PACKAGE, files)
    if written is None:
        raise Failure(
            f"{upstream.name}/{PACKAGE}/ has no uncommitted changes; "
            "to measure what is checked out: mfbench run main HEAD"
        )
    return written


def write_package(upstream: Path, base: str, folder: Path) -> str:
    """Write the package in a folder, or in its folder metaflow/, on top of `base`; return the hash.

    The package may be an installed one.
    """
    places = (folder / PACKAGE, folder)
    package = next((each for each in places if (each / "flowspec.py").is_file()), None)
    if package is None:
        raise Failure(f"{folder} holds no metaflow; name its package or the folder above")
    written = _write(upstream, base, package, sorted(package.rglob("*")))
    if written is None:
        raise Failure(f"{folder} is identical to {base[:8]}; there is nothing to compare")
    return written


def _write(upstream: Path, base: str, package: Path, files: Iterable[Path]) -> str | None:
    """Write a commit on top of `base` with these files as its package; None if base has them.

    Compiled modules are left out.
    """
    seconds = int(git(upstream, "show", "-s", "--format=%ct", base)) + 60
    stream = [header(TEMPORARY_REF, 1, base, "Uncommitted work\n", seconds)]
    stream += [f"D {PACKAGE}\n".encode()]
    for path in files:
        if "__pycache__" in path.parts:
            continue
        name = f"{PACKAGE}/{path.relative_to(package).as_posix()}"
        if path.is_symlink():
            stream.append(file_change("120000", name, os.fsencode(path.readlink())))
        # Not what a person has removed.
        elif path.is_file():
            mode = "100755" if path.stat().st_mode & 0o100 else "100644"
            stream.append(file_change(mode, name, path.read_bytes()))
    (written,) = import_commits(upstream, base, [*stream, b"\nget-mark :1\n"])
    trees = [git(upstream, "rev-parse", f"{each}:{PACKAGE}") for each in (base, written)]
    if trees[0] == trees[1]:
        return None
    git(upstream, "update-ref", f"{REFERENCE}/{written[:8]}", written)
    return written
