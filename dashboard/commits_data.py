"""The commits of the site, as it names them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from mfbench.foundation.git_command import commit_of
from mfbench.repository.named_commits import named_commits


def commits_data(upstream: Path, commits: Collection[str]) -> list[dict[str, Any]]:
    """Describe those of some commits that the repository has, the oldest first."""
    wanted = set(commits)
    found = [
        {
            "hash": each.hash,
            "label": each.label,
            "name": each.name or each.hash[:8],
            "title": each.title,
            "date": each.date,
            "role": each.role,
            "control_of": each.parent if each.role == "control" else None,
        }
        for each in named_commits(upstream)
        if each.hash in wanted
    ]
    return sorted(found, key=lambda each: (each["date"], each["hash"]))


def is_milestone(commit: Mapping[str, Any]) -> bool:
    """Tell whether a commit is a release, or branch `optimized`: what histories show."""
    return bool(commit["role"] == "release" or commit["label"] == "optimized")


def name_of(upstream: Path, commit: str, commits: Iterable[Mapping[str, Any]]) -> str:
    """Return what a person calls a commit in a command: its branch, its label or its hash."""
    labels = [each["label"] for each in commits if each["hash"] == commit]
    names = ("main", "optimized", *labels)
    return next((name for name in names if commit_of(upstream, name) == commit), commit[:8])
