"""What importing metaflow costs at two commits, timed once and kept in results/imports/.

So a document or page made of it says the same each time; what is of other commits is timed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.errors import Failure
from scripts.files import read_object, write_text
from scripts.git_command import commit_of
from scripts.import_changes import differences
from scripts.import_times import measure
from scripts.importtree import document, interpreter
from scripts.paths import RESULTS
from scripts.series import base_commit

IMPORTS = RESULTS / "imports"
# The newest release and the series; the other files are of two releases each.
SERIES = IMPORTS / "series.json"
MODULE = "metaflow"
ROUNDS = 5
SIDES = ("before", "after")


def path_of(before: str, after: str, folder: Path = IMPORTS) -> Path:
    """Return where the comparison of two releases is kept."""
    return folder / f"{before}..{after}.json"


def is_of(path: Path, upstream: Path, revisions: Sequence[str]) -> bool:
    """Tell whether a file holds the comparison of these two revisions."""
    if not path.exists():
        return False
    faults = faults_of_imports(path)
    if faults:
        raise Failure(f"{path.parent.name}/{path.name}: {faults[0]}; git restore gives it back")
    read = read_object(path)
    commits = [base_commit(upstream, revision) for revision in revisions]
    return [read[side]["commit"] for side in SIDES] == commits


def keep(path: Path, upstream: Path, revisions: Sequence[str]) -> None:
    """Time the imports of two revisions, one process of each in turn, and write both trees.

    Parameters
    ----------
    path : pathlib.Path
        The file to write or replace.
    upstream : pathlib.Path
        The repository under test; only read.
    revisions : sequence of str
        Before and after.
    """
    sides = measure(upstream, revisions, interpreter(), MODULE, ROUNDS)
    write_text(path, document(MODULE, ROUNDS, sides, differences(*sides)))


def faults_of_imports(path: Path, upstream: Path | None = None) -> list[str]:
    """Return what is wrong with a file of import trees.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    upstream : pathlib.Path, optional
        The repository in which both commits should be known; not asked if not given.
    """
    try:
        read = read_object(path)
    except Failure as failure:
        return [str(failure)]
    found = [] if isinstance(read.get("module"), str) else ["lacks module"]
    for side in SIDES:
        facts: Any = read.get(side)
        if not isinstance(facts, dict) or not isinstance(facts.get("commit"), str):
            found.append(f"lacks the commit {side}")
        elif not isinstance(facts.get("total_us"), int) or facts["total_us"] <= 0:
            found.append(f"total_us {side}: a number that can't be")
        elif upstream and commit_of(upstream, facts["commit"]) != facts["commit"]:
            found.append(f"commit {facts['commit'][:8]} is unknown in {upstream.name}/")
    kinds = ("came", "left")
    found += [f"lacks {kind}" for kind in kinds if not isinstance(read.get(kind), list)]
    return found
