"""The control of a comparison: the code of the base, committed once more.

The control of a release is the first commit of the series on it, with the same hash.
"""

from __future__ import annotations

from pathlib import Path

from mfbench.foundation.git_command import git
from mfbench.repository.commits import signature
from mfbench.repository.kept_changes import Change
from mfbench.repository.series import commit_for

# Keeps the commits from git's garbage collection; neither a branch nor a tag.
REFERENCE = "refs/metaflow-benchmarks/control"


def control_of(upstream: Path, base: str) -> str:
    """Return the hash of the control on top of a commit; nothing is written."""
    return _hash_object(upstream, base)


def write_control(upstream: Path, base: str) -> str:
    """Write the control on top of a commit, so that it can be measured; return its hash."""
    written = _hash_object(upstream, base, "-w")
    git(upstream, "update-ref", f"{REFERENCE}/{base[:8]}", written)
    return written


def _hash_object(upstream: Path, base: str, *options: str) -> str:
    from optimizations import SERIES

    first = SERIES[0]
    tree, start = git(upstream, "show", "-s", "--format=%T %ct", base).split()
    new = commit_for(Change(1, first.name, first.title, first.body, {}), int(start))
    person = signature(new.seconds)
    lines = [f"tree {tree}", f"parent {base}", f"author {person}", f"committer {person}", ""]
    content = "\n".join([*lines, new.message]).encode()
    return git(upstream, "hash-object", "-t", "commit", "--stdin", *options, stdin=content)
