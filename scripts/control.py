"""The control of a comparison: the same code as one side, committed once more."""

from __future__ import annotations

from pathlib import Path

from scripts.git_command import git
from scripts.kept_changes import Change
from scripts.series import message_of
from scripts.upstream_git import NewCommit, write_commits

# Keeps the commit from being swept away by git; no branch, no tag.
REFERENCE = "refs/metaflow-benchmarks/control"


def control_of(upstream: Path, base: str) -> str:
    """Return the control on top of a commit; it is written unless it is there.

    Parameters
    ----------
    upstream : pathlib.Path
        The repository under test.
    base : str
        The commit's hash.

    Returns
    -------
    str
        The control's hash: on a release, that of the first commit of its series.
    """
    from optimizations import SERIES

    first = SERIES[0]
    change = Change(1, first.name, first.title, first.body, {})
    began = int(git(upstream, "show", "-s", "--format=%ct", base))
    commit = NewCommit(message_of(change), {}, began + 60 * change.number)
    (written,) = write_commits(upstream, base, [commit])
    git(upstream, "update-ref", f"{REFERENCE}/{base}", written)
    return written
