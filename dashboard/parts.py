"""The page's data in parts, so that a view loads what it needs: one script for each part.

A part is a script that calls `received(NAME, CONTENT)`: unlike JSON, a page that was opened as a
file can load it.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from dashboard.commits_data import is_milestone
from dashboard.result_files import Measured
from mfbench.foundation.errors import Failure
from mfbench.foundation.paths import ROOT
from mfbench.results.reader import Case, Side, rounded

SITE_SCHEMA = ROOT / "dashboard" / "site.schema.json"
# What the page needs before any view is chosen.
SHELL = ("schema", "machines", "highlights", "default")


def parts_of(document: Mapping[str, Any], measured: Measured) -> Iterator[tuple[str, Any]]:
    """Yield the name and the content of each part of what `site_data.document` returns."""
    yield from shared_parts(document, measured)
    for name, files in files_by_part(measured):
        yield name, texts_of(files)


def files_by_part(measured: Measured) -> Iterator[tuple[str, Sequence[Path]]]:
    """Yield the name of each part that holds a commit's results, and the files of it."""
    for machine, commits in measured.files.items():
        for commit, files in commits.items():
            yield f"results/{machine}/{commit}", files


def texts_of(files: Iterable[Path]) -> list[str]:
    """Return files as they are: the page reads asv's files, and takes in nothing but JSON."""
    try:
        return [path.read_text(encoding="utf-8") for path in files]
    except UnicodeDecodeError as problem:
        names = ", ".join(f"{path.parent.name}/{path.name}" for path in files)
        raise Failure(f"{names} is damaged ({problem}); restore it with git") from None


def shared_parts(document: Mapping[str, Any], measured: Measured) -> Iterator[tuple[str, Any]]:
    """Yield the parts that are made of more than one commit."""
    kept = {each: document[each] for each in ("commits", "series", "measured")}
    yield "commits", {**kept, "trees": list(document["imports"])}
    about = descriptions()
    benchmarks = [{**each, "about": about(each["name"])} for each in document["benchmarks"]]
    yield "cases", {"benchmarks": benchmarks, "cases": document["cases"]}
    for machine, sides in measured.sides.items():
        for benchmark, values in histories(document, sides).items():
            yield f"history/{machine}/{benchmark}", values
    for commit, tree in document["imports"].items():
        yield f"imports/{commit}", tree


def histories(
    document: Mapping[str, Any], sides: Iterable[Side]
) -> dict[str, dict[int, list[Any]]]:
    """Return, by benchmark and case, places and medians of the releases and of `optimized`."""
    names = [each["name"] for each in document["benchmarks"]]
    milestones = {
        each["hash"]: place for place, each in enumerate(document["commits"]) if is_milestone(each)
    }
    shown = [(milestones[side.commit], side.cases) for side in sides if side.commit in milestones]
    shown.sort(key=lambda each: each[0])
    found: dict[str, dict[int, list[Any]]] = {name: {} for name in names}
    for number, (benchmark, parameters, *_) in enumerate(document["cases"]):
        case = Case(names[benchmark], tuple(each.strip("'") for each in parameters))
        measured = [(place, cases[case]) for place, cases in shown if case in cases]
        points = [(place, each) for place, each in measured if each.is_known]
        if points:
            # Another version of a benchmark measures something else.
            newest = points[-1][1].version
            found[case.benchmark][number] = [
                [place, rounded(each.value) if each.samples else each.value]
                for place, each in points
                if each.version == newest
            ]
    return found


def of_one_comparison(document: Mapping[str, Any], measured: Measured) -> Iterator[tuple[str, Any]]:
    """Yield the parts of the page's first comparison, for a page that is one file."""
    first = document["default"]
    sides = {first["base"], first["head"]}
    commits = [
        each
        for each in document["commits"]
        if each["hash"] in sides or each["control_of"] == first["base"]
    ]
    kept = measured.only(first["machine"], {each["hash"] for each in commits})
    imports = {commit: tree for commit, tree in document["imports"].items() if commit in sides}
    less = {
        "commits": commits,
        "series": {"base": first["base"], "commits": []},
        "measured": {machine: list(files) for machine, files in kept.files.items()},
        "imports": imports,
    }
    yield from parts_of({**document, **less}, kept)


def write(document: Mapping[str, Any], measured: Measured, folder: Path, old: Path) -> None:
    """Write each part as a script; a commit's part in `old`, the site before, is linked to."""
    for name, content in shared_parts(document, measured):
        write_part(folder, name, content)
    is_alike = is_same_schema(old)
    for name, files in files_by_part(measured):
        facts = [path.stat() for path in files]
        # With the sizes, because the file that changed may not be the newest.
        stamp = max(each.st_mtime_ns for each in facts) + sum(each.st_size for each in facts)
        if not (is_alike and link(old / f"{name}.js", folder / f"{name}.js", stamp)):
            path = write_part(folder, name, texts_of(files))
            os.utime(path, ns=(stamp, stamp))


def write_part(folder: Path, name: str, content: Any) -> Path:
    """Write one part; return its file."""
    path = folder / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"received({json.dumps(name)}, {as_text(content)});\n", encoding="utf-8")
    return path


def is_same_schema(old: Path) -> bool:
    """Tell whether a site's parts are written as today's are: change the schema if they are not."""
    try:
        return (old / SITE_SCHEMA.name).read_bytes() == SITE_SCHEMA.read_bytes()
    except OSError:
        return False


def link(old: Path, new: Path, stamp: int) -> bool:
    """Link to a part that has the time of the files it is made of; return whether that worked."""
    try:
        if old.stat().st_mtime_ns != stamp:
            return False
        new.parent.mkdir(parents=True, exist_ok=True)
        os.link(old, new)
    except OSError:
        return False
    return True


def as_text(content: Any) -> str:
    """Return JSON on one line."""
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


def descriptions() -> Callable[[str], str]:
    """Return a function that returns what the source says of a benchmark; "" if nothing."""
    classes: dict[tuple[str, str], ast.ClassDef] = {}
    for path in sorted((ROOT / "benchmarks").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                classes[path.stem, node.name] = node

    def about(name: str) -> str:
        topic, kind, method = [*name.split("."), "", ""][:3]
        while node := classes.get((topic, kind)):
            own = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == method]
            described: list[ast.FunctionDef | ast.ClassDef] = [*own, node]
            if text := next(filter(None, map(ast.get_docstring, described)), None):
                return " ".join(text.partition("\n\n")[0].split())
            kind = next((base.id for base in node.bases if isinstance(base, ast.Name)), "")
        return ""

    return about
