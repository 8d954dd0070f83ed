"""Build ``upstream/``, the repository under test, from metaflow's released sdists.

Branch ``main`` has one commit per release, tagged with its version and dated by its upload, with
the same hashes on every machine. The optimisations follow: all on branch ``optimized``, each on
``pr/NAME``.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
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
from mfbench.repository.kept_changes import Change
from mfbench.repository.releases import Release, load
from mfbench.repository.series import SeriesCommit, build_series, find_commit

# In a repository made by --clone, what it was cloned from. Its history is metaflow's own.
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


def ensure(repository: Path = UPSTREAM) -> list[SeriesCommit]:
    """Build what is missing: releases, then the optimisation series; return the series."""
    build(repository, load())
    return build_series(repository)


def require(repository: Path = UPSTREAM) -> None:
    """Raise `Failure` if the repository is missing, for commands that only read."""
    find_commit(repository, "main")


def print_refusals(series: Iterable[SeriesCommit | Change], revision: str = "main") -> int:
    """Name the optimisations that do not apply to a revision, say why, and return how many."""
    refused = [each for each in series if each.refusal]
    for each in refused:
        print(f"{each.name} does not apply to {revision}: {each.refusal}", flush=True)
    return len(refused)


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
        fast_forward_main(repository, INCOMING)
    finally:
        git(repository, "update-ref", "-d", INCOMING)


def fast_forward_main(repository: Path, commit: str) -> None:
    """Move branch main to a later commit."""
    if git(repository, "branch", "--show-current") == "main":
        # It refuses to overwrite what a person has changed or added.
        with delay_interrupts():
            git(repository, "merge", "--quiet", "--ff-only", commit)
    else:
        git(repository, "update-ref", "refs/heads/main", commit)


def clone(repository: Path, source: str) -> None:
    """Clone metaflow from an address or a path, its default branch as main.

    Where that is done already, take in what is new there.
    """
    source = str(Path(source).resolve()) if Path(source).is_dir() else source
    if is_clone(repository) and (repository / ".git" / CLONE_MARK).read_text() == source:
        refresh(repository)
        return
    with new_folder(repository) as folder:
        run_remote_git(source, "clone", "--template=", source, str(folder))
        branch = git(folder, "branch", "--show-current")
        if not branch:
            raise Failure(f"{source} has no default branch to measure; name another clone")
        git(folder, "branch", "--move", "--force", branch, "main")
        (folder / ".git" / CLONE_MARK).write_text(source)


def refresh(repository: Path) -> None:
    """Fetch what is new where a clone is from; main follows unless a person has committed on it."""
    run_remote_git("origin", "-C", str(repository), "fetch", "--quiet", "origin")
    newest = find_commit(repository, "main@{upstream}")
    if git(repository, "rev-list", f"{newest}..main"):
        print("main has local commits, so it was not moved to its origin's newest", file=sys.stderr)
    else:
        fast_forward_main(repository, newest)


def run_remote_git(source: str, *arguments: str) -> None:
    """Let git talk to another repository, with a person's proxies and keys and its own progress."""
    if subprocess.run([executable(), *arguments]).returncode != 0:
        raise Failure(f"git could not fetch from {source} (reason above); run again")


@click.command("setup")
@click.option(
    "--clone",
    "source",
    metavar="PATH_OR_ADDRESS",
    help="Clone metaflow's own repository, or fetch what is new there.",
)
@click.option("--update-list", is_flag=True, help="First add new releases to releases.json.")
def command(source: str | None, update_list: bool) -> None:
    """Build upstream/, the repository under test, or add what it lacks.

    Branch main holds metaflow's releases, branch optimized the optimisations on top of the newest,
    and each branch pr/NAME one of them alone. With --clone, main is the default branch of a real
    clone. Your own branches and uncommitted changes stay.
    """
    if source is not None:
        clone(UPSTREAM, source)
    if update_list:
        from mfbench.repository.registry import update

        new = update()
        print(f"new releases: {', '.join(release.version for release in new) or 'none'}")
    print_refusals(ensure(UPSTREAM))
    count = git(UPSTREAM, "rev-list", "--count", "--first-parent", "main")
    print(f"upstream/ is complete: {count} commits on main, the series on optimized")
