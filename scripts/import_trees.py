"""The imports of a commit as a tree: what ``python -X importtime`` reports, read and summed up."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

# Found anywhere in a line: what a module writes without a line's end stands before it.
LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Node:
    """One import: microseconds of the module itself, and those with all that it imported."""

    name: str
    self_us: int
    cumulative_us: int
    children: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Side:
    """One commit: medians over the rounds as a tree, and each module's own times by round."""

    revision: str
    commit: str
    tree: Node
    rounds: Mapping[str, tuple[int, ...]]


def parse(report: str) -> list[Node]:
    """Read what ``python -X importtime`` wrote; other text in between is left out.

    Parameters
    ----------
    report : str
        Standard error of the process.

    Returns
    -------
    list of Node
        The imports that no other import made, in their order. What was imported more than once
        (because it failed, say) is there more than once.
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
    """Yield each import of a tree with the module that made it, from the top down."""
    yield tree, importer
    for child, who in imported(tree, importer):
        yield from walk(child, who)


def imported(node: Node, importer: str) -> Iterator[tuple[Node, str]]:
    """Yield what an import made by `importer` imported in turn, and who wanted that."""
    for child in node.children:
        # Python imports a package before its module: because of who wanted the module.
        for_module = node.name.startswith(f"{child.name}.")
        yield child, importer if for_module else node.name


def summed_up(revision: str, commit: str, trees: Sequence[Node]) -> Side:
    """Make one side of the trees of its rounds.

    Its tree is the first round's with medians over all: each number is one of its own, so that
    children may come to a little more than their parent.
    """
    # The n-th import of a name is taken for the same one in all rounds.
    alike: dict[tuple[str, int], list[Node]] = defaultdict(list)
    own: dict[str, list[int]] = defaultdict(lambda: [0] * len(trees))
    for number, tree in enumerate(trees):
        times = Counter[str]()
        for node, _ in walk(tree):
            times[node.name] += 1
            alike[node.name, times[node.name]].append(node)
            own[node.name][number] += node.self_us
    seen = Counter[str]()

    def typical(node: Node) -> Node:
        seen[node.name] += 1
        same = alike[node.name, seen[node.name]]
        own_time = round(median(each.self_us for each in same))
        total = round(median(each.cumulative_us for each in same))
        return Node(node.name, own_time, total, tuple(map(typical, node.children)))

    rounds = {name: tuple(values) for name, values in own.items()}
    return Side(revision, commit, typical(trees[0]), rounds)
