"""The measured commits as the site shows them: what each is called, and what stands below it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts import control
from scripts.git_command import commit_of, git
from scripts.series import SeriesCommit

TIP = "optimized"


@dataclass(frozen=True)
class Commit:
    """One measured commit.

    Attributes
    ----------
    hash : str
        In full.
    label : str
        What people call it: a release's version, an optimisation's name, else 8 digits.
    name : str
        Of an optimisation; else the label.
    title : str
        The first line of its message.
    date : int
        When it was committed, in seconds since 1970.
    role : str
        release, control, optimization or other.
    control_of : str or None
        The commit below, if this one changes nothing of it.
    """

    hash: str
    label: str
    name: str
    title: str
    date: int
    role: str
    control_of: str | None


def commits_data(
    upstream: Path, measured: Iterable[str], series: Iterable[SeriesCommit]
) -> list[dict[str, Any]]:
    """Describe the measured commits that the repository has, the oldest first.

    Parameters
    ----------
    upstream : pathlib.Path
        The repository under test.
    measured : iterable of str
        Full hashes.
    series : iterable of SeriesCommit
        The optimisations on the newest release.

    Returns
    -------
    list of dict
        The fields of `Commit`.
    """
    names = {each.hash: each.name for each in series if each.hash}
    tip = list(names)[-1] if names else None
    releases = versions(upstream)
    found = []
    described = read_commits(upstream, sorted(set(measured)))
    parents = {parent for _, parent, *_ in described}
    trees = {commit: tree for commit, _, tree, *_ in read_commits(upstream, sorted(parents))}
    for commit, parent, tree, seconds, title in described:
        name = names.get(commit) or releases.get(commit) or commit[:8]
        label = TIP if commit == tip else name
        role = "optimization" if commit in names else "release" if commit in releases else "other"
        control_of = None
        if role != "release" and parent and trees.get(parent) == tree:
            # Others have changed nothing, too; the engine knows one.
            control_of = parent if control.control_of(upstream, parent) == commit else None
            role = "control"
        found.append(Commit(commit, label, name, title, int(seconds), role, control_of))
    return [asdict(each) for each in sorted(found, key=lambda each: (each.date, each.hash))]


def versions(upstream: Path) -> dict[str, str]:
    """Return the version of each tagged commit."""
    fields = "--format=%(refname:short)%00%(objectname)%00%(*objectname)"
    lines = git(upstream, "for-each-ref", "refs/tags", fields).splitlines()
    found = (line.split("\0") for line in lines)
    return {peeled or own: version for version, own, peeled in found}


def read_commits(upstream: Path, hashes: list[str]) -> list[tuple[str, str, str, str, str]]:
    """Return hash, first parent, tree, date and title of those commits that are there."""
    known = [each for each in hashes if commit_of(upstream, each) is not None]
    if not known:
        return []
    fields = "--format=%H%x00%P%x00%T%x00%ct%x00%s"
    lines = git(upstream, "log", "--no-walk=unsorted", fields, *known).splitlines()
    found = []
    for line in lines:
        commit, parents, tree, seconds, title = line.split("\0", 4)
        found.append((commit, parents.partition(" ")[0], tree, seconds, title))
    return found
