"""Build ``upstream/``, the repository under test, from metaflow's released sdists.

Branch ``main`` has one commit a release, tagged with its version and dated by its upload, with
the same hashes on every machine. The optimisation series follows on branch ``optimized``.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts.errors import Failure, run
from scripts.git_command import (
    before_interrupts,
    command,
    commit_of,
    environment,
    executable,
    git,
    is_clean,
    is_repository,
    reason,
)
from scripts.optimize import build_series
from scripts.paths import UPSTREAM
from scripts.releases import Release, load
from scripts.sdist_import import INCOMING, write_stream

# Present in a repository made by --clone, whose history is not ours to extend.
CLONE_MARK = "metaflow-benchmarks-clone"


def build(repository: Path, releases: Sequence[Release]) -> int:
    """Make `repository` hold all `releases` on its branch main.

    Parameters
    ----------
    repository : pathlib.Path
        Made if missing; otherwise releases that it lacks are added, and nothing else changes.
    releases : sequence of Release
        Oldest first.

    Returns
    -------
    int
        How many releases were added.
    """
    if not is_repository(repository):
        return build_new(repository, releases)
    if (repository / ".git" / CLONE_MARK).exists():
        return 0
    missing = missing_releases(repository, releases)
    if missing:
        add(repository, missing)
    return len(missing)


def build_new(repository: Path, releases: Sequence[Release]) -> int:
    """Build a repository beside its place and rename it, so that it exists whole or not at all."""
    if repository.exists() and any(repository.iterdir()):
        raise Failure(f"{repository.name}/ exists and is no git repository; move it away")
    repository.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".upstream-", dir=repository.parent) as folder:
        beside = Path(folder) / repository.name
        git(Path(folder), "init", "--quiet", "--initial-branch=main", "--template=", beside.name)
        add(beside, releases)
        if repository.exists():
            repository.rmdir()
        beside.rename(repository)
    return len(releases)


def missing_releases(repository: Path, releases: Sequence[Release]) -> list[Release]:
    """Return the releases that branch main lacks; they must all be newer than its tip."""
    tip = commit_of(repository, "main")
    if tip is None:
        raise Failure(f"{repository.name}/ has no branch main; move it away and run again")
    subject = git(repository, "log", "-1", "--format=%s", tip)
    versions = [release.version for release in releases]
    newest = subject.removeprefix("metaflow ")
    tagged = commit_of(repository, f"refs/tags/{newest}")
    # An amended release still has its name.
    if newest not in versions or tagged not in (None, tip):
        raise Failure(
            f"branch main of {repository.name}/ holds commits that are not releases; keep them "
            f"on a branch of their own: cd {repository.name} && git checkout -b mine main && "
            f"git branch -f main {newest_release_below(repository, tip)}"
        )
    present = versions.index(newest) + 1
    restore_tags(repository, versions[:present])
    return list(releases[present:])


def is_behind(repository: Path) -> bool:
    """Tell whether the list names a release that branch main was built without."""
    if (repository / ".git" / CLONE_MARK).exists():
        return False
    tagged = git(repository, "tag", "--list", load()[-1].version)
    return not tagged


def newest_release_below(repository: Path, commit: str) -> str:
    """Return the tag of the release that a commit stands on."""
    return git(repository, "describe", "--tags", "--abbrev=0", commit)


def restore_tags(repository: Path, versions: Sequence[str]) -> None:
    """Set the tags of releases that a person has deleted."""
    tags = set(git(repository, "tag", "--list").split())
    if tags.issuperset(versions):
        return
    for line in git(repository, "log", "--format=%H %s", "main").splitlines():
        commit, _, version = line.partition(" metaflow ")
        if version in versions and version not in tags:
            git(repository, "tag", version, commit)


def add(repository: Path, releases: Sequence[Release]) -> None:
    """Append releases to branch main."""
    # The client of the registry takes longer to load than everything else here does to run.
    from scripts.registry import fetch

    fetch(releases)
    main_is_checked_out = checked_out(repository) == "refs/heads/main"
    parent = commit_of(repository, "main")
    if main_is_checked_out and parent is not None and not is_clean(repository):
        raise Failure(
            f"{repository.name}/ has uncommitted changes on branch main; commit them to a "
            "branch of their own, or stash them, and run again"
        )
    try:
        import_sdists(repository, releases, parent)
        if main_is_checked_out:
            # Refuses, instead of overwriting, where a person's own new file is in the way.
            with before_interrupts():
                git(repository, "merge", "--quiet", "--ff-only", INCOMING)
        else:
            git(repository, "update-ref", "refs/heads/main", INCOMING)
    finally:
        git(repository, "update-ref", "-d", INCOMING)


def checked_out(repository: Path) -> str:
    """Return the branch that is checked out, even if it has no commit yet; HEAD for none."""
    if commit_of(repository, "HEAD") is None:
        return git(repository, "symbolic-ref", "HEAD")
    return git(repository, "rev-parse", "--symbolic-full-name", "HEAD")


def import_sdists(repository: Path, releases: Sequence[Release], parent: str | None) -> None:
    """Feed ``git fast-import``; its commits appear when the whole stream was accepted."""
    from scripts.progress import progress_bar

    importer = command(repository, "fast-import", "--quiet", "--done", "--force")
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            importer,
            stdin=subprocess.PIPE,
            stderr=said,
            env=environment(),
            start_new_session=True,
        ) as process,
        progress_bar() as progress,
    ):
        assert process.stdin is not None
        task = progress.add_task("importing releases ", total=len(releases))
        try:
            for _ in write_stream(process.stdin, releases, parent):
                progress.advance(task)
            process.stdin.close()
        except BrokenPipeError:
            pass
        except BaseException:
            process.kill()
            raise
        if process.wait() != 0:
            said.seek(0)
            why = reason(said.read().decode(errors="replace"))
            raise Failure(f"git fast-import refused the releases ({why}); run again")


def clone(repository: Path, source: str) -> None:
    """Make `repository` a real clone of metaflow, its default branch renamed to main.

    Parameters
    ----------
    repository : pathlib.Path
        Must not exist yet.
    source : str
        What ``git clone`` takes: an address or a path.
    """
    if repository.exists():
        raise Failure(f"{repository.name}/ exists; move it away first, then clone")
    if not source:
        raise Failure("--clone names no repository; give the address or the path of one")
    source = str(Path(source).resolve()) if Path(source).exists() else source
    with tempfile.TemporaryDirectory(prefix=".upstream-", dir=repository.parent) as folder:
        beside = Path(folder) / repository.name
        # With a person's own settings (proxies, keys), and git's own progress.
        cloned = subprocess.run([executable(), "clone", "--template=", source, str(beside)])
        if cloned.returncode != 0:
            raise Failure(f"git could not clone {source} (it said why above); run again")
        branch = git(beside, "branch", "--show-current")
        if not branch or commit_of(beside, "HEAD") is None:
            raise Failure(f"{source} has no default branch to measure; name another clone")
        git(beside, "branch", "--move", "--force", branch, "main")
        (beside / ".git" / CLONE_MARK).write_text(f"{source}\n")
        beside.rename(repository)


def ensure(repository: Path = UPSTREAM) -> None:
    """Build what is missing of `repository`: releases, then the optimisation series.

    Parameters
    ----------
    repository : pathlib.Path
        The repository under test.
    """
    build(repository, load())
    build_series(repository)


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.history", description=__doc__)
    choice = described.add_mutually_exclusive_group()
    choice.add_argument(
        "--update", action="store_true", help="extend the committed list with new releases first"
    )
    choice.add_argument(
        "--clone", metavar="URL_OR_PATH", help="make upstream/ from a real clone of metaflow"
    )
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Build ``upstream/`` and say what was done."""
    arguments = parser().parse_args(argv)
    executable()
    if arguments.clone is not None:
        clone(UPSTREAM, arguments.clone)
    if arguments.update:
        from scripts.registry import update

        new = update()
        print(f"new releases: {', '.join(release.version for release in new) or 'none'}")
    ensure()
    count = git(UPSTREAM, "rev-list", "--count", "--first-parent", "main")
    print(f"upstream/ is complete: {count} commits on main, the series on optimized")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
