"""What a person calls each commit of the repository, and what it is to this suite."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from mfbench.foundation.git_command import git

REFS = ("--decorate=full", "--decorate-refs=refs/tags", "--decorate-refs=refs/heads")
FIELDS = "%H%x00%P%x00%ct%x00%D%x00%(trailers:key=Optimization,valueonly,separator=%x20)%x00%s"


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
    log = git(upstream, "log", "--all", "--date-order", *REFS, f"--format={FIELDS}")
    found, below = [], ""
    for line in log.splitlines():
        commit, parents, seconds, refs, optimization, title = line.split("\0", 5)
        parent = parents.partition(" ")[0]
        tags, branches = (re.findall(rf"refs/{kind}/([^,]+)", refs) for kind in ("tags", "heads"))
        is_tip = bool(optimization) and "optimized" in branches
        in_series = is_tip or commit == below
        if in_series and optimization:
            below = parent
        if tags:
            name, role = tags[0], "release"
        elif optimization == "control":
            name, role = optimization, "control"
        elif optimization:
            name, role = optimization if in_series else f"pr/{optimization}", "optimization"
        else:
            name, role = min(branches, key=lambda each: each != "main", default=""), "other"
        found.append(NamedCommit(commit, name, role, is_tip, parent, int(seconds), title))
    return found[::-1]
