"""List the benchmarks of a folder as JSON, as asv does, or end with a line that says what is wrong.

Usage: ``python -m mfbench.results.discovery FOLDER``. It is a process of its own, because it
imports all benchmarks, and these change its environment.
"""

from __future__ import annotations

import difflib
import inspect
import io
import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import FunctionType
from typing import Any

from asv_runner._aux import update_sys_path
from asv_runner.discovery import list_benchmarks

from mfbench.foundation.mistakes import mistake

KINDS = ("time", "timeraw", "track", "peakmem", "mem")
BEGINNINGS = tuple(f"{kind}_" for kind in KINDS)
# What only benchmarks have.
DECLARED = ("setup", "setup_cache", "params", "rounds", "number")
HOW = f"a public class with a method named {', '.join(f'{each}...' for each in BEGINNINGS)}"


def main(folder: Path) -> None:
    """Print what asv_runner finds, or end with the mistake that it found."""
    found = io.StringIO()
    update_sys_path(str(folder))
    try:
        list_benchmarks(str(folder), found)
    except BaseException as problem:
        sys.exit(mistake(problem, folder) or repr(problem))
    names = [each["name"] for each in json.loads(found.getvalue())]
    for path in sorted(folder.glob("[!_]*.py")):
        for line in unrecognised(
            path, [name for name in names if name.startswith(f"{path.stem}.")]
        ):
            sys.exit(line)
    print(found.getvalue())


def unrecognised(path: Path, names: Collection[str]) -> Iterator[str]:
    """Yield what looks like a benchmark in a topic's module, and is none to asv."""
    place = f"{path.parent.name}/{path.name}"
    module = sys.modules[f"{path.parent.name}.{path.stem}"]
    own = {
        name: each
        for name, each in vars(module).items()
        if getattr(each, "__module__", "") == module.__name__
    }
    yield from misspelt(place, own)
    for name, each in own.items():
        if not inspect.isclass(each):
            continue
        yield from misspelt(place, vars(each))
        is_one = any(found.split(".")[1] == name for found in names)
        is_meant = any(hasattr(each, attribute) for attribute in DECLARED)
        if is_meant and not is_one and not each.__subclasses__():
            line = inspect.getsourcelines(each)[1]
            yield f"{place}:{line}: asv finds no benchmark in {name}; it needs {HOW}"
    others = (other.read_text(encoding="utf-8") for other in path.parent.rglob("*.py"))
    imported = re.compile(rf"\bbenchmarks(\.| import .*\b){path.stem}\b")
    if not names and not any(map(imported.search, others)):
        yield f"{place}:1: asv finds no benchmark in it, and nothing imports it; it needs {HOW}"


def misspelt(place: str, members: Mapping[str, Any]) -> Iterator[str]:
    """Yield functions that are nearly named as benchmarks are."""
    for name, each in members.items():
        word = re.match("[A-Za-z]+(?=_)", name)
        if isinstance(each, FunctionType) and word and not name.startswith(BEGINNINGS):
            for kind in difflib.get_close_matches(word[0].lower(), KINDS, n=1, cutoff=0.81):
                line = each.__code__.co_firstlineno
                what_to_do = f"call it {kind}_..., or begin its name with _"
                yield f"{place}:{line}: asv finds no benchmark in {name}; {what_to_do}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
