"""What the search for extensions found last time, for as long as nothing on its way has changed.

A search reads a file of every installed distribution. Its result is kept with a stamp: the time of
last change of each folder of `sys.path`, of each folder and file that the search found, and of what
describes their distributions. The next start asks the system for these times alone. A result whose
files changed in the last seconds is not kept, for a clock may give the next change the same time.
"""

# metaflow supports Python 3.8, and writes paths in the older way.
# ruff: noqa: UP006, UP031, UP035, UP045
from __future__ import annotations

import json
import os
import sys
import time
from hashlib import sha1
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

    # Packages by name, and for each extension point what contributes to it, in order.
    Found = Tuple[Dict[str, Any], Dict[str, List[Any]]]

FORMAT = 1
SETTLING_SECONDS = 2.0


def surroundings(roots: Iterable[str], directories: Optional[List[str]]) -> Optional[List[Any]]:
    """Return what the search starts from; None where distributions may come from elsewhere."""
    for finder in sys.meta_path:
        is_standard = getattr(finder, "__name__", "") == "PathFinder"
        if hasattr(finder, "find_distributions") and not is_standard:
            return None
    path = [os.path.abspath(entry) for entry in sys.path]
    return [FORMAT, sys.version, path, list(roots), directories]


def recall(searched: Optional[List[Any]]) -> Optional[Found]:
    """Return what was found from these surroundings if nothing has changed, or None."""
    if searched is None:
        return None
    try:
        with open(_cache_file(searched), encoding="utf-8") as file:
            kept = json.load(file)
        if kept["searched"] != searched:
            return None
        if all(_state(path) == [changed, size] for path, changed, size in kept["stamp"]):
            packages, points = kept["found"]
            return packages, points
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def remember(
    searched: Optional[List[Any]], distributions: Any, packages: Dict[str, Any], points: Any
) -> None:
    """Keep what was found; nothing is kept, and nothing said, where that is not possible."""
    if searched is None:
        return
    paths = list(searched[2])
    for name, package in packages.items():
        for root in package["root_paths"]:
            paths.extend(_tree(root))
        paths.extend(_description(distributions, name, package))
    latest = (time.time() - SETTLING_SECONDS) * 1e9
    stamp = [(path, *_state(path)) for path in sorted(set(paths))]
    if any(changed > latest for _, changed, _ in stamp):
        return
    kept = {"searched": searched, "stamp": stamp, "found": [packages, points]}
    file = _cache_file(searched)
    new_file = "%s.%d" % (file, os.getpid())
    try:
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(new_file, "w", encoding="utf-8") as opened:
            json.dump(kept, opened)
        os.replace(new_file, file)
    except (OSError, TypeError):
        if os.path.exists(new_file):
            os.remove(new_file)


def _cache_file(searched: List[Any]) -> str:
    home = os.path.expanduser(os.environ.get("METAFLOW_HOME", "~/.metaflowconfig"))
    name = sha1(json.dumps(searched).encode("utf-8")).hexdigest()
    return os.path.join(home, "extension_discovery", name + ".json")


def _state(path: str) -> List[int]:
    try:
        found = os.stat(path)
    except OSError:
        return [-1, -1]
    return [found.st_mtime_ns, found.st_size]


def _tree(root: str) -> Iterator[str]:
    # An installed extension's root may lie beside thousands of other folders: it is its own only.
    for folder, folders, files in os.walk(root, followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield folder
        for file in files:
            yield os.path.join(folder, file)


def _description(distributions: Any, name: str, package: Dict[str, Any]) -> Iterator[str]:
    """List the files that describe a distribution: its names, its files, where it is edited."""
    if package["version"] == "_local_":
        return
    for file in distributions.distribution(name).files or []:
        described = str(file).partition("/")[0]
        if described.endswith((".dist-info", ".egg-info", ".pth")) or "__editable__" in described:
            yield str(file.locate())
            yield os.path.dirname(str(file.locate()))
