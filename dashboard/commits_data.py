"""The commits of the site, as it names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mfbench.foundation.git_command import commit_of, git
from mfbench.repository.control import MESSAGE, control_of
from mfbench.repository.series import SeriesCommit

FIELDS = "--format=%H%x00%P%x00%D%x00%ct%x00%s"
REFS = ("--decorate-refs=refs/tags", "--decorate-refs=refs/heads", "--decorate=full")
OPTIONS = ("--no-walk=unsorted", "--ignore-missing", *REFS, FIELDS)


def commits_data(
    upstream: Path, commits: Iterable[str], series: Sequence[SeriesCommit]
) -> list[dict[str, Any]]:
    """Describe those of some commits that the repository has, the oldest first."""
    hashes = sorted(set(commits))
    # Without a hash, git would show the commit that is checked out.
    log = git(upstream, "log", *OPTIONS, *hashes) if hashes else ""
    found = [commit_data(upstream, line, series) for line in log.splitlines()]
    return sorted(found, key=lambda each: (each["date"], each["hash"]))


def commit_data(upstream: Path, line: str, series: Sequence[SeriesCommit]) -> dict[str, Any]:
    """Describe a commit, given its line of git's log."""
    commit, parents, refs, seconds, title = line.split("\0", 4)
    names = {each.hash: each.name for each in series}
    tag = re.search(r"refs/tags/([^,]+)", refs)
    # Where no optimisation applies, optimized is main.
    known = tag or re.search(r"refs/heads/(main)\b", refs) or re.search(r"refs/heads/([^,]+)", refs)
    role = "optimization" if commit in names else "release" if tag else "other"
    control_of_parent = None
    # Only what is called so is asked about: git would take long for ten thousand commits.
    if role != "release" and parents and title == MESSAGE.splitlines()[0]:
        parent = parents.split()[0]
        if control_of(upstream, parent) == commit:
            role, control_of_parent = "control", parent
    name = names.get(commit) or (known[1] if known else commit[:8])
    if role == "control" and not known:
        name = role
    return {
        "hash": commit,
        "label": "optimized" if series and commit == series[-1].hash else name,
        "name": name,
        "title": title,
        "date": int(seconds),
        "role": role,
        "control_of": control_of_parent,
    }


def is_milestone(commit: Mapping[str, Any]) -> bool:
    """Tell whether a commit is a release, or branch `optimized`: what histories show."""
    return bool(commit["role"] == "release" or commit["label"] == "optimized")


def name_of(upstream: Path, commit: str, commits: Iterable[Mapping[str, Any]]) -> str:
    """Return what a person calls a commit in a command: its branch, its label or its hash."""
    labels = [each["label"] for each in commits if each["hash"] == commit]
    names = ("main", "optimized", *labels)
    return next((name for name in names if commit_of(upstream, name) == commit), commit[:8])
