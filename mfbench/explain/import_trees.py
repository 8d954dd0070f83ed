"""The imports of a commit as a tree, timed by ``python -X importtime`` in fresh processes."""

from __future__ import annotations

import io
import re
import subprocess
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.support.environment import child_environment
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git_bytes
from mfbench.repository.series import find_commit

# Found anywhere in a line: text that a module writes without a newline stands before it.
LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Node:
    """One import: microseconds of the module itself, and with everything that it imported."""

    name: str
    self_us: int
    cumulative_us: int
    children: tuple[Node, ...] = ()


@dataclass(frozen=True)
class CommitImports:
    """One commit: a tree of medians over the rounds, and each module's own time in each round."""

    revision: str
    commit: str
    tree: Node
    own_us: Mapping[str, Sequence[int]]


def measure(
    repository: Path, revisions: Sequence[str], python: Path, module: str, rounds: int
) -> list[CommitImports]:
    """Import a module of each revision in fresh processes, the revisions alternating.

    `python` is an interpreter that has what the module needs. One uncounted round compiles the
    modules. Raises Failure if a revision is unknown, or its module can't be imported.
    """
    commits = [find_commit(repository, revision) for revision in revisions]
    with tempfile.TemporaryDirectory(prefix="imports-") as name:
        folders = [Path(name).resolve() / commit for commit in commits]
        for folder in folders:
            (folder / "home").mkdir(parents=True, exist_ok=True)
            content = io.BytesIO(git_bytes(repository, "archive", folder.name))
            with tarfile.open(fileobj=content) as files:
                files.extractall(folder / "tree", filter="data")
        made = [
            [import_once(python, module, folder) for folder in folders] for _ in range(rounds + 1)
        ]
    return [summarize(*each) for each in zip(revisions, commits, zip(*made[1:]))]


def import_once(python: Path, module: str, folder: Path) -> Node:
    """Import a module of an exported commit in a fresh process; return its tree."""
    package, commit = module.partition(".")[0], folder.name[:8]
    home, tree = folder / "home", folder / "tree"
    code = f"import {module}, sys; found = sys.modules[{package!r}]; "
    code += "print(getattr(found, '__file__', None) or found.__path__[0])"
    finished = subprocess.run(
        [python, "-X", "importtime", "-c", code],
        env=child_environment(home, PYTHONPATH=str(tree), PYTHONHASHSEED="0"),
        # Python looks into the current folder first, so that must hold nothing to import.
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if finished.returncode != 0:
        said = [line for line in finished.stderr.splitlines() if not LINE.search(line)]
        reason = said[-1] if said else f"exit code {finished.returncode}"
        raise Failure(f"commit {commit} can't import {module} ({reason}); choose another one")
    place = finished.stdout.splitlines()[-1]
    if not Path(place).resolve().is_relative_to(tree):
        raise Failure(
            f"{package} is not of commit {commit} but of {place}; choose another --module"
        )
    # The last: a package that imports its own module has it in the tree twice.
    return [node for node in parse(finished.stderr) if node.name == module][-1]


def parse(report: str) -> list[Node]:
    """Read what ``python -X importtime`` wrote to stderr; other text is ignored.

    Return the imports that no other import caused, in their order. A module that was imported
    more than once (because it failed, say) is there more than once.
    """
    waiting: list[tuple[int, Node]] = []
    for own, total, indent, name in LINE.findall(report):
        # A module is written after those that it imported, which are indented further.
        start = len(waiting)
        while start and waiting[start - 1][0] > len(indent):
            start -= 1
        children = tuple(node for _, node in waiting[start:])
        waiting[start:] = [(len(indent), Node(name, int(own), int(total), children))]
    return [node for _, node in waiting]


def walk(tree: Node, importer: str = "") -> Iterator[tuple[Node, str]]:
    """Yield each import of a tree with the name of its importer, from the top down."""
    yield tree, importer
    for child in tree.children:
        # Python imports a package before its module: because of whoever wanted the module.
        is_package = tree.name.startswith(f"{child.name}.")
        yield from walk(child, importer if is_package else tree.name)


def summarize(revision: str, commit: str, trees: Sequence[Node]) -> CommitImports:
    """Combine the trees of all rounds."""
    own_us: dict[str, list[int]] = defaultdict(lambda: [0] * len(trees))
    for number, tree in enumerate(trees):
        for node, _ in walk(tree):
            own_us[node.name][number] += node.self_us
    return CommitImports(revision, commit, typical(trees), dict(own_us))


def typical(alike: Sequence[Node]) -> Node:
    """Combine one import of all rounds into a tree of medians, in the first round's shape.

    Each median is taken by itself, so that children may add up to a little more than their parent.
    """
    children = []
    for place, child in enumerate(alike[0].children):
        same = [node.children[place] for node in alike if len(node.children) > place]
        children.append(typical([each for each in same if each.name == child.name]))
    own_us = round(median(node.self_us for node in alike))
    total_us = round(median(node.cumulative_us for node in alike))
    return Node(alike[0].name, own_us, total_us, tuple(children))
