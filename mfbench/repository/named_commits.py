"""What a person calls each commit of the repository, and what it is to this suite."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mfbench.foundation.git_command import git
from mfbench.repository.control import REFERENCE

REFS = [f"--decorate-refs={each}" for each in ("refs/tags", "refs/heads", REFERENCE)]
# No part of a commit can hold the character between them.
FIELDS = "%H%x00%P%x00%ct%x00%D%x00%(trailers:key=Optimization,valueonly,unfold)%x00%s"
NUMBER_OF_FIELDS = 6


@dataclass(frozen=True)
class NamedCommit:
    """A commit of the repository.

    Attributes
    ----------
    name : str
        A release's version, an optimisation's name, ``pr/NAME`` where it stands alone, ``control``,
        or a branch that ends there; empty where there is none of these.
    role : str
        ``release``, ``control``, ``optimization`` or ``other``.
    is_tip : bool
        Whether it is the last optimisation of branch optimized.
    parent : str
        The hash of the commit below it, or an empty text.
    date : int
        When it was made, in seconds since 1970.
    """

    hash: str
    name: str
    role: str
    is_tip: bool
    parent: str
    date: int
    title: str

    @property
    def label(self) -> str:
        """What a person calls it first: ``optimized``, its name, or 8 digits of its hash."""
        return "optimized" if self.is_tip else self.name or self.hash[:8]


def named_commits(upstream: Path) -> list[NamedCommit]:
    """Return all commits of the repository, the oldest first."""
    options = ("--all", "--date-order", "-z", "--decorate=full", *REFS, f"--format={FIELDS}")
    fields = iter(git(upstream, "log", *options).split("\0"))
    found: list[NamedCommit] = []
    of_series, has_tip = "", False
    for commit, parents, seconds, decoration, trailer, title in zip(*[fields] * NUMBER_OF_FIELDS):
        parent, optimization = parents.partition(" ")[0], trailer.strip()
        refs = [re.sub("^(tag: |HEAD -> )", "", each) for each in decoration.split(", ")]
        # A person may have committed on top of the series.
        in_series = commit == of_series or "refs/heads/optimized" in refs
        name, role = name_and_role(refs, optimization, in_series)
        if in_series and role != "release":
            of_series = parent
        is_tip = in_series and role == "optimization" and not has_tip
        has_tip = has_tip or is_tip
        found.append(NamedCommit(commit, name, role, is_tip, parent, int(seconds), title))
    return found[::-1]


def name_and_role(refs: Sequence[str], optimization: str, in_series: bool) -> tuple[str, str]:
    """Return what a commit is called and what it is, by its refs and the optimisation it names."""
    tags, branches = (
        [ref.removeprefix(kind) for ref in refs if ref.startswith(kind)]
        for kind in ("refs/tags/", "refs/heads/")
    )
    if tags:
        return tags[0], "release"
    # Not by its message, which anybody can write.
    if any(ref.startswith(f"{REFERENCE}/") for ref in refs):
        return "control", "control"
    if in_series and optimization:
        return optimization, "optimization"
    if optimization:
        alone = max(branches, key=lambda each: each.startswith("pr/"), default="")
        return alone or f"pr/{optimization}", "optimization"
    return min(branches, key=lambda each: each != "main", default=""), "other"
