"""What the search for extensions found last time, for as long as nothing on its way has changed.

A search reads a file of every installed distribution. Its result is kept with a stamp: the time of
last change of each folder of `sys.path`, of each folder and file below `metaflow_extensions`, and
of what describes the distributions found. The next start asks the system for these times alone. A
result is not kept if something changed in the seconds before its search or since, for a clock may
give the next change the same time. Where anything goes wrong, the search is made as ever.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING
from zlib import crc32

if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Set

    # By name, and for each extension point what contributes to it, in order.
    Packages = Dict[str, Any]
    Found = tuple[Packages, Dict[str, List[Any]]]

FORMAT = 2
SETTLING_SECONDS = 2.0
DESCRIBING = (".dist-info", ".egg-info", ".pth")
READ_AT_ONCE = 1 << 16
UNUSED_SECONDS = 30 * 24 * 3600
# The search itself: another release may look for other things.
SEARCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "__init__.py")


class Search:
    """One search, from what it starts with; without any memory where that can't be told."""

    def __init__(self, roots: Iterable[str], directories: Optional[List[str]]) -> None:
        self._started = time.time()
        self._file = None
        try:
            self._roots, self._path = list(roots), _absolute(sys.path)
            if _has_other_distributions():
                return
            # One text is quicker to compare than lists in lists.
            self._surroundings = repr(
                [FORMAT, sys.version, SEARCH, self._path, self._roots, directories]
            )
            self._file = _file_for(self._surroundings)
        except Exception:
            pass

    def recall(self, package_of: Callable[[List[Any]], Any]) -> Optional[Found]:
        """Return what was found last time if nothing has changed, or None."""
        if self._file is None:
            return None
        try:
            kept = json.loads(_content(self._file).decode("ascii"))
            if kept["surroundings"] != self._surroundings:
                return None
            for path, changed, size in kept["stamp"]:
                if _state(path) != (changed, size):
                    return None
            packages, points = kept["found"]
            for point, found in points.items():
                points[point] = [package_of(package) for package in found]
            return packages, points
        except Exception:
            return None

    def remember(self, distributions: Any, packages: Packages, points: Any) -> None:
        """Keep what was found; nothing is kept, and nothing said, where that is not possible."""
        if self._file is None:
            return
        try:
            # Where an extension's own code chose its files, it may choose others next time.
            if any(each["meta_module"] in sys.modules for each in packages.values()):
                return
            paths = {SEARCH, *self._path}
            for root in self._all_roots(packages):
                paths.update(_tree(root))
            for name, package in packages.items():
                paths.update(_description(distributions, name, package))
            stamp = [(path, *_state(path)) for path in sorted(paths)]
            settled = (self._started - SETTLING_SECONDS) * 1e9
            if all(changed < settled for _, changed, _ in stamp):
                _write(
                    self._file,
                    {
                        "surroundings": self._surroundings,
                        "stamp": stamp,
                        "found": [packages, points],
                    },
                )
        except Exception:
            pass

    def _all_roots(self, packages: Packages) -> Iterator[str]:
        """List every folder that extensions may lie in, those of no found package as well."""
        for root in self._roots:
            yield root
            # What is installed for editing may name a finder instead of a folder.
            finder = sys.path_importer_cache.get(root)
            if finder is not None and not os.path.isdir(root):
                spec = finder.find_spec("metaflow_extensions")
                yield from (spec and spec.submodule_search_locations) or ()
        for package in packages.values():
            yield from package["root_paths"]


def _absolute(path: Iterable[str]) -> List[str]:
    # Every start waits for it, and `os.path.isabs` takes longer.
    return [each if each.startswith(os.sep) else os.path.abspath(each) for each in path]


def _has_other_distributions() -> bool:
    """Tell whether distributions may come from elsewhere than the folders of `sys.path`."""
    for finder in sys.meta_path:
        is_standard = getattr(finder, "__name__", "") == "PathFinder"
        if hasattr(finder, "find_distributions") and not is_standard:
            return True
    return False


def _file_for(surroundings: str) -> str:
    home = os.path.expanduser(os.environ.get("METAFLOW_HOME", "~/.metaflowconfig"))
    # Two with one name take turns: what a file is for stands in it.
    name = "%08x.json" % crc32(surroundings.encode("utf-8"))
    return os.path.join(home, "extension_discovery", name)


def _content(file: str) -> bytes:
    # Every start reads it: `open` asks the system for three times as much.
    opened = os.open(file, os.O_RDONLY)
    try:
        content = part = os.read(opened, READ_AT_ONCE)
        while len(part) == READ_AT_ONCE:
            part = os.read(opened, READ_AT_ONCE)
            content += part
        return content
    finally:
        os.close(opened)


def _state(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)
    except OSError:
        return -1, -1
    return found.st_mtime_ns, found.st_size


def _tree(root: str) -> Iterator[str]:
    """List what lies in a folder, each folder once, however many links lead to it."""
    seen: Set[str] = set()
    # The root may be missing, and made later.
    yield root
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            del folders[:]
            continue
        seen.add(real)
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield folder
        for file in files:
            yield os.path.join(folder, file)


def _description(distributions: Any, name: str, package: Any) -> Iterator[str]:
    """List the files that describe a distribution: its names, its files, where it is edited."""
    if package.get("version") == "_local_" or name.startswith("_pythonpath_"):
        return
    found = list(distributions.distributions(name=name))
    if not found:
        raise LookupError(name)
    for distribution in found:
        # Its folder; where it is the archive of an egg, `sys.path` has that one.
        folder = getattr(distribution, "_path", None)
        if folder is not None:
            yield from _tree(str(folder))
        for file in distribution.files or []:
            top = str(file).partition("/")[0]
            if "__editable__" in top or top.endswith(DESCRIBING):
                yield str(file.locate())
                yield os.path.dirname(str(file.locate()))


def _write(file: str, kept: Dict[str, Any]) -> None:
    folder = os.path.dirname(file)
    new_file = "%s.%d" % (file, os.getpid())
    os.makedirs(folder, exist_ok=True)
    try:
        with open(new_file, "w", encoding="utf-8") as opened:
            json.dump(kept, opened)
        os.replace(new_file, file)
    except BaseException:
        if os.path.exists(new_file):
            os.remove(new_file)
        raise
    _remove_unused(folder)


def _remove_unused(folder: str) -> None:
    """Remove what no start has read for long: of environments that are gone, of older releases."""
    oldest = time.time() - UNUSED_SECONDS
    with os.scandir(folder) as entries:
        for entry in entries:
            found = entry.stat()
            if max(found.st_atime, found.st_mtime) < oldest:
                os.remove(entry.path)
