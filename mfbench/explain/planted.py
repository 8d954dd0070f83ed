"""Throw-away commits that make metaflow slower by a known amount, and the cases that show it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git, git_bytes
from mfbench.repository.commits import NewCommit, write_commits

STORE = "metaflow/datastore/task_datastore.py"
CONTENTS = "metaflow/datastore/content_addressed_store.py"


# By operation: a file, its only line that is this statement, and a timed case that runs it once.
PLACES = {
    "import": ("metaflow/__init__.py", "import os", "imports.Import.timeraw_metaflow"),
    "save": (STORE, "artifact_names = []", "artifacts.Save.time_save(float64-800KB)"),
    "load": (STORE, "to_load = defaultdict(list)", "artifacts.Load.time_load(float64-800KB)"),
    "hash": (CONTENTS, "results = []", "hashing.ContentKey.time_find(float64-8MB)"),
    "parallel_map": (
        "metaflow/multicore_utils.py",
        "return [r for _, r in sorted(res)]",
        "multicore.ParallelMap.time_map(1, default)",
    ),
}


def plant(upstream: Path, base: str, passes: Mapping[str, int], message: str) -> str:
    """Write a commit on `base` whose operations first run an empty loop; return the commit's hash.

    `passes` says how often, by operation. No branch points to the commit, so git deletes it some
    day.
    """
    changes: dict[str, str] = {}
    for operation, count in passes.items():
        path, statement, _ = PLACES[operation]
        source = changes.get(path) or git_bytes(upstream, "show", f"{base}:{path}").decode()
        line = rf"^( *){re.escape(statement)}$"
        # In a function: a loop at a module's level is slower.
        loop = rf"\1def slower():\n\1    for _ in range({count}): pass\n\1slower()\n\g<0>"
        changes[path], found = re.subn(line, loop, source, flags=re.MULTILINE)
        if found != 1:
            raise Failure(f"{path} has {found} lines {statement!r}, not one; choose another line")
    seconds = int(git(upstream, "show", "-s", "--format=%ct", base)) + 60
    return write_commits(upstream, base, [NewCommit(message, changes, seconds)])[0]
