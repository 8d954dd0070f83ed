"""The source of one release of metaflow, as an optimisation sees and changes it."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath

from optimizations.edits.errors import DoesNotApply
from optimizations.edits.source_edits import Module

INSERTED = Path(__file__).resolve().parent.parent / "inserted"
VENDORED = "metaflow/_vendor/"


class SourceTree:
    """Files by path, read when first asked for; remembers what was changed and added.

    `paths` are all files of the release, relative to its root, with forward slashes.
    """

    def __init__(self, paths: Iterable[str], read: Callable[[str], str]) -> None:
        self._paths = set(paths)
        self._read = read
        self._modules: dict[str, Module] = {}
        self._added: dict[str, str] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._paths

    def __getitem__(self, path: str) -> Module:
        """Return the module at `path`, ready for edits; refuse if the release has no such file."""
        if path not in self:
            raise DoesNotApply(f"{path}: not found")
        if path not in self._modules:
            source = self._added.get(path) or self._read(path)
            self._modules[path] = Module(path, source, partial(self._importers, path))
        return self._modules[path]

    def text(self, path: str) -> str:
        """Return the text of a file as the edits so far left it."""
        if path not in self:
            raise DoesNotApply(f"{path}: not found")
        return self._text(path)

    def insert(self, path: str) -> None:
        """Add our module for `path`, from `optimizations/inserted`, unless it was added before.

        Refused where the release has another file there.
        """
        source = (INSERTED / path).read_text(encoding="utf-8")
        if path not in self:
            self._paths.add(path)
            self._added[path] = source
        elif self.text(path) != source:
            raise DoesNotApply(f"{path}: is there already")

    def write(self, path: str, text: str) -> None:
        """Replace the text of an inserted file."""
        self._added[path] = text

    def modules_matching(self, pattern: str) -> list[str]:
        """List metaflow's own Python files (not the vendored ones) in which `pattern` occurs."""
        return [path for path in self._own_modules() if _occurs(pattern, self._text(path))]

    def changes(self) -> dict[str, str]:
        """Return the new text of each file that was added or differs from the release, by path."""
        changed = dict(self._added)
        for path, module in self._modules.items():
            if path in self._added or module.source != self._read(path):
                changed[path] = module.source
        return dict(sorted(changed.items()))

    def _text(self, path: str) -> str:
        if path in self._modules:
            return self._modules[path].source
        return self._added[path] if path in self._added else self._read(path)

    def _own_modules(self) -> list[str]:
        return sorted(
            path
            for path in self._paths
            if path.startswith("metaflow/")
            and path.endswith(".py")
            and not path.startswith(VENDORED)
        )

    def _importers(self, path: str, name: str) -> list[str]:
        """Modules with a `from <the module at path> import <name>`."""
        location = PurePosixPath(path)
        stem = location.parent.name if location.stem == "__init__" else location.stem
        return [
            other
            for other in self._own_modules()
            if other != path and _imports_from(stem, name, self._text(other))
        ]


# Releases share most of their files, so what was found in one text is asked for again.
@lru_cache(maxsize=20_000)
def _occurs(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.MULTILINE) is not None


@lru_cache(maxsize=100_000)
def _imports_from(stem: str, name: str, text: str) -> bool:
    if stem not in text or name not in text:
        return False
    start = rf"^[ \t]*from[ \t]+[.\w]*\b{re.escape(stem)}[ \t]+import[ \t]+"
    word = re.compile(rf"(?<![\w.]){re.escape(name)}\b")
    imports = re.finditer(start + r"(\([^)]*\)|[^\n]*)", text, re.MULTILINE)
    return any(word.search(found.group(1)) for found in imports)
