"""Moving a branch to a new series without losing a person's commits on it."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

from mfbench.foundation.git_command import IDENTITY, commit_of, delay_interrupts, git


def move_branch(upstream: Path, branch: str, tip: str, base: str) -> None:
    """Let `branch` point to `tip`, the last commit of a series on `base`.

    A new branch optimized is checked out in the place of main.
    """
    current = commit_of(upstream, f"refs/heads/{branch}")
    if current == tip:
        return
    head = git(upstream, "branch", "--show-current") or "a commit without a branch"
    # HEAD is an argument of many commands, so what a person has checked out stays.
    is_new = branch == "optimized" and current is None
    checked_out = head == branch or (is_new and head == "main")
    if branch == "optimized" and not checked_out:
        print(f"{upstream.name}/ stays on {head}; the series is on {branch}", file=sys.stderr)
    if current is not None:
        keep_foreign_commits(upstream, branch, current, base)
    if checked_out:
        # It refuses to overwrite uncommitted changes.
        with delay_interrupts():
            git(upstream, "checkout", "--quiet", "-B", branch, tip)
    else:
        git(upstream, "update-ref", f"refs/heads/{branch}", tip, current or "")


def keep_foreign_commits(upstream: Path, branch: str, current: str, base: str) -> None:
    """Keep `current` on a branch BRANCH-kept-N if only it has some commits of a person."""
    elsewhere = [base, f"--exclude={branch}", "--branches", "--tags", "--remotes"]
    committers = git(upstream, "log", "--format=%cn <%ce>", current, "--not", *elsewhere)
    if set(committers.splitlines()) <= {IDENTITY}:
        return
    number = 1
    while commit_of(upstream, f"refs/heads/{branch}-kept-{number}") is not None:
        number += 1
    git(upstream, "branch", "--no-track", f"{branch}-kept-{number}", current)
    print(
        f"{branch} held commits of your own; they are kept on {branch}-kept-{number}",
        file=sys.stderr,
    )


def remove_branches(upstream: Path, folder: str, kept: Collection[str]) -> None:
    """Remove branches of a folder ("pr/") that end in a commit of ours, except those in `kept`.

    A branch that is checked out stays, and so does one on which a person committed.
    """
    fields = "%(refname:strip=3) %(committername) %(committeremail) %(trailers:key=Optimization)"
    listing = git(upstream, "for-each-ref", f"--format={fields}", f"refs/heads/{folder}")
    head = git(upstream, "branch", "--show-current")
    for line in filter(None, listing.splitlines()):
        name, _, rest = line.partition(" ")
        if (
            name not in kept
            and rest == f"{IDENTITY} Optimization: {name}"
            and head != folder + name
        ):
            git(upstream, "branch", "--quiet", "-D", folder + name)
