"""The optimisation series as commits of upstream/, usually on branch ``optimized``."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of, git, is_repository
from mfbench.foundation.mistakes import warn_about_unlisted
from mfbench.repository.branch import move_branch
from mfbench.repository.commits import NewCommit, write_commits
from mfbench.repository.kept_changes import Change, changes_of, sources_fingerprint

# In the configuration of upstream/: the sources from which branch optimized was built.
BUILT_FROM = "metaflow-benchmarks.builtFrom"
# One record a commit; the paths of its files follow, a line each.
FIELDS = "%x1e%H%x1f%s%x1f%(trailers:key=Optimization,valueonly,separator=%x20)%x1f"


@dataclass(frozen=True)
class SeriesCommit:
    """One optimisation on one release; where it does not apply, `hash` is empty."""

    number: int
    name: str
    title: str
    hash: str
    files: tuple[str, ...]
    refusal: str = ""


def find_commit(upstream: Path, revision: str) -> str:
    """Return the hash of a revision, or say what is missing.

    A...B is where the branches A and B part. A branch of a clone's origin needs no "origin/".
    """
    if not is_repository(upstream):
        raise Failure(f"{upstream.name}/ is missing; build it with: mfbench setup")
    if "..." in revision:
        sides = [find_commit(upstream, side or "HEAD") for side in revision.split("...", 1)]
        try:
            return git(upstream, "merge-base", *sides)
        except Failure:
            raise Failure(f"{revision}: these have no common commit; name a commit") from None
    found = commit_of(upstream, revision)
    if found is not None:
        return found
    if revision in ("main", "optimized"):
        raise Failure(f"{upstream.name}/ has no branch {revision}; build it with: mfbench setup")
    if found := commit_of(upstream, f"origin/{revision}"):
        return found
    tags = git(upstream, "tag", "--list").split()
    close = difflib.get_close_matches(revision, tags, cutoff=0.4)
    nearest = f"the nearest releases are {', '.join(close)}; " if close else ""
    raise Failure(
        f"unknown revision {revision}; {nearest}git -C {upstream.name} tag lists all releases"
    )


def build_series(
    upstream: Path, onto: str = "main", branch: str = "optimized"
) -> list[SeriesCommit]:
    """Write the series on top of a revision and let `branch` point to it.

    A person's commits on that branch are kept on another one. A new branch optimized is checked
    out in the place of main.
    """
    base = find_commit(upstream, onto)
    series = write_series(upstream, base)
    warn_about_unlisted(commit.name for commit in series)
    tip = next((commit.hash for commit in reversed(series) if commit.hash), base)
    move_branch(upstream, branch, tip, base)
    if branch == "optimized" and is_stale(upstream):
        git(upstream, "config", BUILT_FROM, sources_fingerprint())
    return series


def is_stale(upstream: Path) -> bool:
    """Return whether branch optimized was built from other sources than there are now."""
    built_from = git(upstream, "config", "--default=", "--get", BUILT_FROM)
    return built_from != sources_fingerprint()


def write_series(upstream: Path, base: str) -> list[SeriesCommit]:
    """Write one commit on top of `base` for each optimisation that applies; no branch changes."""
    changes = changes_of(upstream, base)
    start = int(git(upstream, "show", "-s", "--format=%ct", base))
    new = [commit_for(change, start) for change in changes if not change.refusal]
    hashes = iter(write_commits(upstream, base, new))
    return [
        SeriesCommit(
            change.number,
            change.name,
            change.title,
            "" if change.refusal else next(hashes),
            tuple(change.files),
            change.refusal,
        )
        for change in changes
    ]


def commit_for(change: Change, start: int) -> NewCommit:
    """Return an optimisation's commit, dated as many minutes after `start` as its number."""
    message = "\n\n".join([change.title, change.body, f"Optimization: {change.name}\n"])
    return NewCommit(message, change.files, start + 60 * change.number)


def read_series(upstream: Path) -> list[SeriesCommit]:
    """Return the series on branch optimized as it is; nothing is written.

    A commit belongs to it if its message ends with "Optimization: NAME".
    """
    options = ["--reverse", "--name-only", "--no-renames", f"--format={FIELDS}"]
    for branch in ("main", "optimized"):
        find_commit(upstream, branch)
    listing = git(upstream, "log", *options, "main..optimized", "--")
    records = (record.split("\x1f") for record in listing.split("\x1e")[1:])
    named = [record for record in records if record[2]]
    return [
        SeriesCommit(number, name, title, commit, tuple(files.split()))
        for number, (commit, title, name, files) in enumerate(named, 1)
    ]
