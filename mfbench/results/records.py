"""Import trees kept in records/imports/, as `mfbench explain imports --format json` prints them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mfbench.foundation.errors import Failure
from mfbench.foundation.files import read_object

# What is read of such a file.
SIDE = {"commit", "total_us", "tree"}
TREE = {"name", "self_us", "cumulative_us", "children"}
DIFFERENCE = {"name", "importer", "before_us", "after_us", "below"}


def read_imports(path: Path) -> dict[str, Any]:
    """Read the import trees of two commits; raise Failure where the file is damaged."""
    read = read_object(path)
    try:
        sides = [read["before"], read["after"]]
        trees = [tree for side in sides for tree in walk(side["tree"])]
        sound = {"module", "rounds"} <= read.keys()
        sound &= all(side.keys() >= SIDE for side in sides)
        sound &= all(tree.keys() >= TREE for tree in trees)
        sound &= all(each.keys() == DIFFERENCE for each in [*read["left"], *read["came"]])
    except (KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise Failure("no import trees, or a part of them is missing")
    return read


def walk(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a tree and all trees below it."""
    yield tree
    for child in tree["children"]:
        yield from walk(child)
