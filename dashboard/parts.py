"""The page's data in parts, so that a view loads what it needs: one script for each part.

A part is a script that calls `received(NAME, CONTENT)`: unlike JSON, a page that was opened as a
file can load it.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from dashboard.commits_data import is_milestone
from mfbench.foundation.paths import ROOT
from mfbench.results.reader import rounded

# What the page needs before any view is chosen.
SHELL = ("schema", "machines", "highlights", "default")


def parts_of(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the name and the content of each part of what `site_data.document` returns."""
    results = document["results"]
    measured = {machine: list(found) for machine, found in results.items()}
    kept = {each: document[each] for each in ("commits", "series")}
    yield "commits", {**kept, "measured": measured, "trees": list(document["imports"])}
    about = descriptions()
    benchmarks = [{**each, "about": about(each["name"])} for each in document["benchmarks"]]
    yield "cases", {"benchmarks": benchmarks, "cases": document["cases"]}
    for machine, found in results.items():
        for commit, content in found.items():
            yield f"results/{machine}/{commit}", content
        for benchmark, values in histories(document, found).items():
            yield f"history/{machine}/{benchmark}", values
    for commit, tree in document["imports"].items():
        yield f"imports/{commit}", tree


def histories(
    document: Mapping[str, Any], measured: Mapping[str, Any]
) -> dict[str, dict[int, list[Any]]]:
    """Return, by benchmark and case, places and medians of the releases and of `optimized`."""
    names = [each["name"] for each in document["benchmarks"]]
    found: dict[str, dict[int, list[Any]]] = {name: {} for name in names}
    for place, commit in enumerate(document["commits"]):
        if not is_milestone(commit):
            continue
        for environment in measured.get(commit["hash"], {}).values():
            for version, _, cases in environment["benchmarks"]:
                for case, *value in cases:
                    if value and value[0] is not None:
                        name = names[document["cases"][case][0]]
                        middle = rounded(median(value[1]) / 1e6) if len(value) > 1 else value[0]
                        found[name].setdefault(case, []).append([place, middle, version])
    return {
        name: {case: of_newest(points) for case, points in cases.items()}
        for name, cases in found.items()
    }


def of_newest(points: list[list[Any]]) -> list[list[Any]]:
    """Return the points of the benchmark's newest version: another measures something else."""
    newest = points[-1][-1]
    return [[place, value] for place, value, version in points if version == newest]


def of_one_comparison(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page's first comparison needs of a document, for a page that is one file."""
    first = document["default"]
    sides = {first["base"], first["head"]}
    commits = [
        each
        for each in document["commits"]
        if each["hash"] in sides or each["control_of"] == first["base"]
    ]
    results = document["results"].get(first["machine"], {})
    kept = {each["hash"]: results[each["hash"]] for each in commits if each["hash"] in results}
    imports = {commit: tree for commit, tree in document["imports"].items() if commit in sides}
    return {
        **document,
        "machines": [each for each in document["machines"] if each["name"] == first["machine"]],
        "commits": commits,
        "series": {"base": first["base"], "commits": []},
        "results": {first["machine"]: kept},
        "imports": imports,
    }


def write(document: Mapping[str, Any], folder: Path) -> None:
    """Write each part as a script."""
    for name, content in parts_of(document):
        path = folder / f"{name}.js"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"received({json.dumps(name)}, {as_text(content)});\n", encoding="utf-8")


def as_text(content: Any) -> str:
    """Return JSON on one line."""
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


def descriptions(folder: Path = ROOT / "benchmarks") -> Callable[[str], str]:
    """Return a function that returns what the source says of a benchmark; "" if nothing."""
    classes: dict[tuple[str, str], ast.ClassDef] = {}
    for path in sorted(folder.glob("*.py")):
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
