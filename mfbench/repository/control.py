"""The control of a comparison: the code of the base, committed once more."""

from __future__ import annotations

from pathlib import Path

from mfbench.foundation.git_command import git
from mfbench.repository.commits import message_of, signature

# Keeps the commits from git's garbage collection; neither a branch nor a tag.
REFERENCE = "refs/metaflow-benchmarks/control"
MESSAGE = message_of(
    "Change nothing: the control of the series",
    """\
This commit holds the same files as the release below it. It is measured like the others, so that
each comparison shows how much two measurements of one and the same code differ. A difference that
the control shows too is noise. It is no part of a pull request.""",
    "control",
)


def control_of(upstream: Path, base: str, *options: str) -> str:
    """Return the hash of the control on top of a commit; it is written only with option -w."""
    tree, start = git(upstream, "show", "-s", "--format=%T %ct", base).split()
    person = signature(int(start) + 60)
    lines = [f"tree {tree}", f"parent {base}", f"author {person}", f"committer {person}", ""]
    content = "\n".join([*lines, MESSAGE]).encode()
    return git(upstream, "hash-object", "-t", "commit", "--stdin", *options, stdin=content)


def write_control(upstream: Path, base: str, name: str = "") -> str:
    """Write the control on top of a commit, so that it can be measured; return its hash.

    A later control of the same name replaces it; without a name, it is kept.
    """
    written = control_of(upstream, base, "-w")
    git(upstream, "update-ref", f"{REFERENCE}/{name or base[:8]}", written)
    return written
