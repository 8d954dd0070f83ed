"""Build ``upstream/``, the repository under test, from metaflow's released sdists.

Branch ``main`` has one commit per release, tagged with its version and dated by its upload, with
the same hashes on every machine. The optimisation series follows on branch ``optimized``.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import (
    commit_of,
    delay_interrupts,
    executable,
    git,
    is_repository,
)
from mfbench.foundation.paths import UPSTREAM
from mfbench.repository.releases import Release, load
from mfbench.repository.series import build_series, find_commit

# Present in a repository made by --clone: its history is metaflow's own and is never extended.
CLONE_MARK = "metaflow-benchmarks-clone"


def build(repository: Path, releases: Sequence[Release]) -> None:
    """Add the `releases` that branch main lacks, oldest first; nothing else changes.

    The repository is made if it is missing.
    """
    if not is_repository(repository):
        with new_folder(repository) as folder:
            git(folder, "init", "--quiet", "--initial-branch=main", "--template=")
            add(folder, releases)
    elif not is_clone(repository):
        missing = missing_releases(repository, releases)
        if missing:
            add(repository, missing)


def ensure(repository: Path = UPSTREAM) -> None:
    """Build what is missing: releases, then the optimisation series."""
    build(repository, load())
    build_series(repository)


def require(repository: Path = UPSTREAM) -> None:
    """Raise `Failure` if the repository is missing, for commands that only read."""
    find_commit(repository, "main")


def is_clone(repository: Path) -> bool:
    """Return whether the repository is a real clone of metaflow."""
    return (repository / ".git" / CLONE_MARK).exists()


def is_behind(repository: Path) -> bool:
    """Return whether the list names a release that branch main lacks."""
    newest = load()[-1].version
    return not is_clone(repository) and not git(repository, "tag", "--list", newest)


@contextmanager
def new_folder(repository: Path) -> Iterator[Path]:
    """Give a temporary folder that is renamed to `repository` if the block succeeds."""
    if repository.exists() and any(repository.iterdir()):
        raise Failure(f"{repository.name}/ exists already; move it away and run again")
    repository.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".upstream-", dir=repository.parent) as temporary:
        folder = Path(temporary) / repository.name
        folder.mkdir()
        yield folder
        folder.rename(repository)


def missing_releases(repository: Path, releases: Sequence[Release]) -> list[Release]:
    """Return the releases that branch main lacks; its last commit must be a release."""
    last = git(repository, "tag", "--points-at", "main").split()
    for number, release in enumerate(releases, start=1):
        if release.version in last:
            return list(releases[number:])
    below = git(repository, "describe", "--tags", "--abbrev=0", "main")
    raise Failure(
        f"branch main of {repository.name}/ holds commits that are not releases; keep them "
        f"on a branch of their own: cd {repository.name} && git checkout -b mine main && "
        f"git branch -f main {below}"
    )


def add(repository: Path, releases: Sequence[Release]) -> None:
    """Append releases to branch main."""
    # Imported here because loading them takes longer than finding nothing to do.
    from mfbench.repository.registry import fetch
    from mfbench.repository.sdist_import import INCOMING, import_sdists

    fetch(releases)
    try:
        import_sdists(repository, releases, commit_of(repository, "main"))
        if git(repository, "branch", "--show-current") == "main":
            # It refuses to overwrite what a person has changed or added.
            with delay_interrupts():
                git(repository, "merge", "--quiet", "--ff-only", INCOMING)
        else:
            git(repository, "update-ref", "refs/heads/main", INCOMING)
    finally:
        git(repository, "update-ref", "-d", INCOMING)


def clone(repository: Path, source: str) -> None:
    """Clone metaflow from an address or a path, and rename its default branch to main."""
    with new_folder(repository) as folder:
        # Not through git(): a person's proxies and keys are needed, and git shows its progress.
        cloned = subprocess.run([executable(), "clone", "--template=", source, str(folder)])
        if cloned.returncode != 0:
            raise Failure(f"git could not clone {source} (it said why above); run again")
        branch = git(folder, "branch", "--show-current")
        if not branch:
            raise Failure(f"{source} has no default branch to measure; name another clone")
        git(folder, "branch", "--move", "--force", branch, "main")
        (folder / ".git" / CLONE_MARK).touch()


@click.command("setup")
@click.option(
    "--clone",
    "source",
    metavar="PATH_OR_ADDRESS",
    help="Clone metaflow's own repository instead of building from sdists.",
)
@click.option("--update-list", is_flag=True, help="First add new releases to releases.json.")
def command(source: str | None, update_list: bool) -> None:
    """Build upstream/, the repository under test, or add what it lacks.

    Branch main holds metaflow's releases, branch optimized the optimisations on top of the newest.
    Your own branches and uncommitted changes stay.
    """
    if source is not None:
        clone(UPSTREAM, source)
    if update_list:
        from mfbench.repository.registry import update

        new = update()
        print(f"new releases: {', '.join(release.version for release in new) or 'none'}")
    ensure(UPSTREAM)
    count = git(UPSTREAM, "rev-list", "--count", "--first-parent", "main")
    print(f"upstream/ is complete: {count} commits on main, the series on optimized")
