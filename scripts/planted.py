"""Throw-away commits that make metaflow slower by a known amount, to see who notices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scripts.git_command import git
from scripts.upstream_git import NewCommit, blob_reader, files_of, write_commits

REFERENCE = "refs/metaflow-benchmarks/planted"
# Where each operation can be made to wait: a module, a function of it (none: the module itself),
# and a statement that it goes through once.
PLACES = {
    "import": ("metaflow/__init__.py", None, "import os"),
    "save": (
        "metaflow/datastore/task_datastore.py",
        "TaskDataStore.save_artifacts",
        "artifact_names = []",
    ),
    "load": (
        "metaflow/datastore/task_datastore.py",
        "TaskDataStore.load_artifacts",
        "to_load = defaultdict(list)",
    ),
    "hash": (
        "metaflow/datastore/content_addressed_store.py",
        "ContentAddressedStore.save_blobs",
        "results = []",
    ),
    "parallel_map": (
        "metaflow/multicore_utils.py",
        "parallel_map",
        "return [r for _, r in sorted(res)]",
    ),
}


def planted(upstream: Path, base: str, passes: Mapping[str, int], message: str) -> str:
    """Write a commit whose operations begin with an empty loop.

    Parameters
    ----------
    upstream : pathlib.Path
        The repository under test; no branch and no file of the work tree changes.
    base : str
        The commit below.
    passes : mapping of str to int
        How often the loop is gone through, by operation; the others stay as they are.
    message : str
        The commit's message: equal contents with different messages are different commits.

    Returns
    -------
    str
        The commit's hash.
    """
    # Not above: loading the vocabulary takes longer than a comparison.
    from optimizations.source_tree import SourceTree

    entries = files_of(upstream, base)
    with blob_reader(upstream) as read:
        tree = SourceTree(entries, lambda path: read(entries[path].blob))
        for operation, count in passes.items():
            path, function, statement = PLACES[operation]
            loop = f"for _ in range({count}):\n    pass\n{statement}\n"
            tree[path].replace_statement(within=function, find=statement, by=loop)
        changes = tree.changes()
    seconds = int(git(upstream, "show", "-s", "--format=%ct", base)) + 60
    (written,) = write_commits(upstream, base, [NewCommit(message, changes, seconds)])
    git(upstream, "update-ref", f"{REFERENCE}/{written}", written)
    return written


def forget(upstream: Path) -> None:
    """Remove the references that keep planted commits; git sweeps them away some day."""
    for name in git(upstream, "for-each-ref", "--format=%(refname)", REFERENCE).split():
        git(upstream, "update-ref", "-d", name)
