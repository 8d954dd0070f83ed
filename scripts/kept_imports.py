"""What importing metaflow costs at two commits, timed once and kept in results/imports/.

So a document or page made of it says the same each time; what is of other commits is timed anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

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
NUMBER = {"type": "integer", "minimum": 0}
DIFFERENCES = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "importer": {"type": "string"},
            "before_us": NUMBER,
            "after_us": NUMBER,
            "below": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["name", "importer", "before_us", "after_us", "below"],
        "additionalProperties": False,
    },
}
SIDE = {
    "type": "object",
    "properties": {
        "commit": {"type": "string", "pattern": "^[0-9a-f]{40}$"},
        "total_us": {"type": "integer", "minimum": 1},
        "tree": {"$ref": "#/$defs/tree"},
    },
    "required": ["commit", "total_us", "tree"],
}
TREE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "self_us": NUMBER,
        "cumulative_us": NUMBER,
        "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}},
    },
    "required": ["name", "self_us", "cumulative_us", "children"],
}
# What `scripts.importtree.document` writes, as far as anything here reads it.
SCHEMA = {
    "type": "object",
    "properties": {
        "module": {"type": "string"},
        "rounds": {"type": "integer", "minimum": 1},
        "before": SIDE,
        "after": SIDE,
        "left": DIFFERENCES,
        "came": DIFFERENCES,
    },
    "required": ["module", "rounds", "before", "after", "left", "came"],
    "$defs": {"tree": TREE},
}


def path_of(before: str, after: str, folder: Path = IMPORTS) -> Path:
    """Return where the comparison of two releases is kept."""
    return folder / f"{before}..{after}.json"


def is_of(path: Path, upstream: Path, revisions: Sequence[str]) -> bool:
    """Tell whether a file holds the comparison of these two revisions."""
    if not path.exists():
        return False
    fault = fault_of_content(path)
    if fault:
        raise Failure(f"{path.parent.name}/{path.name}: {fault}; git restore gives it back")
    return commits(read_object(path)) == [base_commit(upstream, each) for each in revisions]


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


def fault_of_imports(path: Path, upstream: Path) -> str | None:
    """Return what is wrong with a file of import trees; None where nothing is.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    upstream : pathlib.Path
        The repository under test, which knows the releases that a name says.
    """
    fault = fault_of_content(path)
    if fault:
        return fault
    # Releases stay; the trees of a series may outlast its commits.
    named = path.stem.split("..")
    known = [commit_of(upstream, name) for name in named]
    if len(named) == len(SIDES) and known != commits(read_object(path)):
        return "is of other commits than its name says"
    return None


def fault_of_content(path: Path) -> str | None:
    """Return where a file is not as the schema says, and how."""
    try:
        problem = best_match(Draft202012Validator(SCHEMA).iter_errors(read_object(path)))
    except Failure as failure:
        return str(failure)
    if problem is None:
        return None
    where = ".".join(str(part) for part in problem.absolute_path)
    return f"{where}: {problem.message}" if where else problem.message


def commits(read: Mapping[str, Any]) -> list[str]:
    """Return the hashes of the two commits of a file."""
    return [read[side]["commit"] for side in SIDES]
