"""The optimisations as commits of upstream/: all on branch ``optimized``, each on ``pr/NAME``."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of, git, is_repository
from mfbench.foundation.mistakes import warn_about_unlisted
from mfbench.repository.branch import move_branch, remove_branches
from mfbench.repository.commits import NewCommit, message_of, write_stacks
from mfbench.repository.control import write_control
from mfbench.repository.kept_changes import Change, changes_of, sources_fingerprint

# In the configuration of upstream/: the sources from which branch optimized was built.
BUILT_FROM = "metaflow-benchmarks.builtFrom"
# The branches of single optimisations.
PULL_PREFIX = "pr/"
# One record a commit; the paths of its files follow, a line each.
FIELDS = "%x1e%H%x1f%P%x1f%(trailers:key=Optimization,valueonly,separator=%x20)%x1f"


@dataclass(frozen=True)
class SeriesCommit:
    """One optimisation on one release; where it does not apply, both hashes are empty.

    `below` is the commit that it stands on.
    """

    name: str
    hash: str = ""
    below: str = ""
    files: tuple[str, ...] = ()
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
    """Write all optimisations on top of a revision and let `branch` point to the last one.

    A person's commits on that branch are kept on another one. A new branch optimized is checked
    out in the place of main. This also writes the control and a branch pr/NAME for each
    optimisation.
    """
    base = find_commit(upstream, onto)
    series = write_series(upstream, base)
    warn_about_unlisted(commit.name for commit in series)
    tip = next((commit.hash for commit in reversed(series) if commit.hash), base)
    move_branch(upstream, branch, tip, base)
    if branch == "optimized":
        write_control(upstream, base, "main")
        pulls = [pull for pull in write_pulls(upstream, base) if pull.hash]
        for pull in pulls:
            move_branch(upstream, PULL_PREFIX + pull.name, pull.hash, base)
        remove_branches(upstream, PULL_PREFIX, {pull.name for pull in pulls})
        if is_stale(upstream):
            git(upstream, "config", BUILT_FROM, sources_fingerprint())
    return series


def is_stale(upstream: Path) -> bool:
    """Return whether branch optimized was built from other sources than there are now."""
    built_from = git(upstream, "config", "--default=", "--get", BUILT_FROM)
    return built_from != sources_fingerprint()


def write_series(upstream: Path, base: str) -> list[SeriesCommit]:
    """Write one commit on top of `base` for each optimisation that applies; no branch changes."""
    changes = changes_of(upstream, base)
    stack = [(each, each.files, each.number) for each in changes if not each.refusal]
    return _write(upstream, base, changes, [stack])


def write_pulls(upstream: Path, base: str) -> list[SeriesCommit]:
    """Write each optimisation that applies on top of `base` and what it needs.

    Otherwise as `write_series`. A commit depends on nothing else: its hash stays when other
    optimisations change.
    """
    changes = changes_of(upstream, base)
    named = {each.name: each for each in changes}
    stacks = [
        [(named[name], files, depth) for depth, (name, files) in enumerate(each.alone.items(), 1)]
        for each in changes
    ]
    return _write(upstream, base, changes, stacks)


def _write(
    upstream: Path,
    base: str,
    changes: Sequence[Change],
    stacks: Sequence[Sequence[tuple[Change, Mapping[str, str], int]]],
) -> list[SeriesCommit]:
    """Write stacks of changes, each with its files and its minutes after `base`."""
    start = int(git(upstream, "show", "-s", "--format=%ct", base))
    new = [
        [
            NewCommit(message_of(each.title, each.body, each.name), files, start + 60 * minutes)
            for each, files, minutes in stack
        ]
        for stack in stacks
    ]
    found: dict[str, SeriesCommit] = {}
    for stack, hashes in zip(stacks, write_stacks(upstream, base, new)):
        for (each, files, _), commit, below in zip(stack, hashes, [base, *hashes]):
            # Keep the first: what others need has a stack of its own, written before.
            told = SeriesCommit(each.name, commit, below, tuple(files))
            found.setdefault(each.name, told)
    return [
        found.get(each.name) or SeriesCommit(each.name, refusal=each.refusal) for each in changes
    ]


def read_series(upstream: Path) -> list[SeriesCommit]:
    """Return the series on branch optimized as it is; nothing is written.

    A commit belongs to it if its message ends with "Optimization: NAME".
    """
    for branch in ("main", "optimized"):
        find_commit(upstream, branch)
    return _read(upstream, "--reverse", "main..optimized")


def read_pulls(upstream: Path) -> list[SeriesCommit]:
    """Return the optimisations on branches pr/NAME as they are, in the order of the series."""
    found = {}
    for name in git(
        upstream, "branch", "--format=%(refname:strip=3)", "--list", f"{PULL_PREFIX}*"
    ).split():
        # A person may have committed on top of it.
        only = (f"--grep=^Optimization: {name}$", "-1", f"main..refs/heads/{PULL_PREFIX}{name}")
        found.update({each.name: each for each in _read(upstream, *only)})
    return [found[each.name] for each in read_series(upstream) if each.name in found]


def _read(upstream: Path, *options: str) -> list[SeriesCommit]:
    shown = ("--name-only", "--no-renames", f"--format={FIELDS}")
    listing = git(upstream, "log", *shown, *options, "--")
    records = (record.split("\x1f") for record in listing.split("\x1e")[1:])
    return [
        SeriesCommit(name, commit, below.partition(" ")[0], tuple(files.split()))
        for commit, below, name, files in records
        if name
    ]
