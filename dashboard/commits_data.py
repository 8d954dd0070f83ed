"""The measured commits as the site names them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mfbench.foundation.git_command import git
from mfbench.repository.control import control_of
from mfbench.repository.series import SeriesCommit

FIELDS = "--format=%H%x00%P%x00%D%x00%ct%x00%s"
OPTIONS = ("--no-walk=unsorted", "--ignore-missing", "--decorate-refs=refs/tags", FIELDS)


def commits_data(
    upstream: Path, measured: Iterable[str], series: Sequence[SeriesCommit]
) -> list[dict[str, Any]]:
    """Describe those of the measured commits that the repository has, the oldest first."""
    hashes = sorted(set(measured))
    # Without a hash, git would show the commit that is checked out.
    log = git(upstream, "log", *OPTIONS, *hashes) if hashes else ""
    found = [commit_data(upstream, line, series) for line in log.splitlines()]
    return sorted(found, key=lambda each: (each["date"], each["hash"]))


def commit_data(upstream: Path, line: str, series: Sequence[SeriesCommit]) -> dict[str, Any]:
    """Describe a commit, given its line of git's log."""
    commit, parents, tags, seconds, title = line.split("\0", 4)
    names = {each.hash: each.name for each in series}
    tag = re.search(r"tag: ([^,]+)", tags)
    role = "optimization" if commit in names else "release" if tag else "other"
    control_of_parent = None
    if role != "release" and parents:
        parent = parents.split()[0]
        if control_of(upstream, parent) == commit:
            role, control_of_parent = "control", parent
    name = names.get(commit) or (tag[1] if tag else commit[:8])
    return {
        "hash": commit,
        "label": "optimized" if series and commit == series[-1].hash else name,
        "name": name,
        "title": title,
        "date": int(seconds),
        "role": role,
        "control_of": control_of_parent,
    }
