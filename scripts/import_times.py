"""What importing a package costs at two commits, module by module: ``python -X importtime``."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from scripts.errors import Failure
from scripts.git_command import commit_of, git, git_bytes

# Found anywhere in a line: what a module writes without a line's end stands before it.
LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(.+)$", re.MULTILINE)
# With fewer, all of one side are too often slower than all of the other by chance.
FEWEST_ROUNDS = 4
# A module's own time is news from this share of the whole import on.
WORTH_TELLING = 0.001


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


@dataclass(frozen=True)
class Difference:
    """A module that left, came, grew or shrank, in microseconds; and where, who imported it.

    One that left or came stands for the modules `below` it that did so too, and costs what they
    cost together: what it imported but others import as well is not lost or won with it.
    """

    name: str
    importer: str
    before_us: int
    after_us: int
    below: tuple[str, ...] = ()

    @property
    def change_us(self) -> int:
        """What it adds to the whole import."""
        return self.after_us - self.before_us


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


def only_in(side: Side, other: Side) -> dict[str, tuple[str, int, tuple[str, ...]]]:
    """Return the topmost modules that the other side lacks: importer, cost and those below."""
    found: dict[str, tuple[str, int, tuple[str, ...]]] = {}

    def collect(node: Node, importer: str) -> None:
        if node.name in other.rounds:
            for child, who in imported(node, importer):
                collect(child, who)
            return
        lacking = [each for each, _ in walk(node) if each.name not in other.rounds]
        first, cost, below = found.get(node.name, (importer, 0, ()))
        cost += sum(each.self_us for each in lacking)
        names = {each.name for each in lacking}.union(below) - {node.name}
        found[node.name] = (first, cost, tuple(sorted(names)))

    collect(side.tree, "")
    return found


def differences(before: Side, after: Side) -> dict[str, list[Difference]]:
    """Tell what makes one import slower or faster than the other.

    Parameters
    ----------
    before, after : Side
        With times in microseconds.

    Returns
    -------
    dict of str to list of Difference
        "left", "came", "grew" and "shrank", each with the costliest first. A module in both has
        grown or shrunk where its own time has: where all rounds of one side were slower than all
        of the other (one chance in 126 for a module that is the same, with 5 rounds a side), and
        its median by a thousandth of the import or more. So fewer than 4 rounds tell of none.
    """
    left, came = only_in(before, after), only_in(after, before)
    found = {
        "left": [Difference(name, who, cost, 0, b) for name, (who, cost, b) in left.items()],
        "came": [Difference(name, who, 0, cost, b) for name, (who, cost, b) in came.items()],
        "grew": [],
        "shrank": [],
    }
    importers = {node.name: importer for node, importer in reversed([*walk(after.tree)])}
    least = WORTH_TELLING * max(before.tree.cumulative_us, after.tree.cumulative_us)
    for name in before.rounds.keys() & after.rounds.keys():
        old, new = before.rounds[name], after.rounds[name]
        apart = min(new) > max(old) or max(new) < min(old)
        change = Difference(name, importers.get(name, ""), round(median(old)), round(median(new)))
        if apart and abs(change.change_us) >= least and len(old) >= FEWEST_ROUNDS:
            found["grew" if change.change_us > 0 else "shrank"].append(change)
    for each in found.values():
        each.sort(key=lambda difference: (-abs(difference.change_us), difference.name))
    return found


def export(repository: Path, commit: str, package: str, python: Path, folder: Path) -> None:
    """Put a commit's package into a folder and compile it, beside an empty home."""
    present = git(repository, "ls-tree", "--name-only", commit).splitlines()
    paths = [name for name in (package, f"{package}.py") if name in present]
    if not paths:
        raise Failure(f"commit {commit[:8]} has no module {package}; name another with --module")
    (folder / "home").mkdir(parents=True)
    content = io.BytesIO(git_bytes(repository, "archive", "--format=tar", commit, "--", *paths))
    with tarfile.open(fileobj=content) as archive:
        archive.extractall(folder / "tree", filter="data")
    # As scripts.copy_install compiles. What is no Python stays as it is, and is no failure.
    command = [str(python), "-m", "compileall", "-qq", "-j", "0"]
    command += ["--invalidation-mode", "unchecked-hash", str(folder / "tree")]
    subprocess.run(command, env=environment(folder), cwd=folder / "home", capture_output=True)


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which the exported tree comes first, and no person's settings."""
    theirs = ("PYTHON", "METAFLOW_", "XDG_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
    own = {"PYTHONPATH": str(folder / "tree"), "HOME": str(folder / "home")}
    return kept | own | {"PYTHONHASHSEED": "0", "METAFLOW_USER": "somebody"}


def import_once(python: Path, module: str, folder: Path) -> Node:
    """Import a module of an exported commit in a fresh process; return its tree."""
    package = module.partition(".")[0]
    code = f"import {module}, sys; found = sys.modules[{package!r}]; "
    code += "print(getattr(found, '__file__', None) or found.__path__[0])"
    finished = subprocess.run(
        [python, "-X", "importtime", "-c", code],
        env=environment(folder),
        # Python looks into the current folder first: there must be nothing to import.
        cwd=folder / "home",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if finished.returncode != 0:
        said = [line for line in finished.stderr.splitlines() if not LINE.search(line)]
        reason = said[-1] if said else f"it ended with {finished.returncode}"
        raise Failure(f"import {module} fails at the commit {folder.name}: {reason}")
    place = (finished.stdout.splitlines() or ["nowhere"])[-1]
    if not Path(place).resolve().is_relative_to(folder / "tree"):
        raise Failure(f"{package} was imported from {place}, not from the commit {folder.name}")
    # The last: where a package imports its own module, that is in the tree twice.
    return [node for node in parse(finished.stderr) if node.name == module][-1]


def measure(
    repository: Path, revisions: Sequence[str], python: Path, module: str, rounds: int
) -> list[Side]:
    """Import a module of two revisions in fresh processes, one of each in turn.

    Parameters
    ----------
    repository : pathlib.Path
        The git repository; only read.
    revisions : sequence of str
        Before and after.
    python : pathlib.Path
        An interpreter that has what the module needs.
    module : str
        Its full name.
    rounds : int
        Processes of each revision that count; one before them fills caches.

    Returns
    -------
    list of Side
        Before and after, in microseconds.

    Raises
    ------
    Failure
        Where a revision is unknown or lacks the module, or the import fails.
    """
    commits = [known_commit(repository, revision) for revision in revisions]
    with tempfile.TemporaryDirectory(prefix="importtree-") as name:
        folders = [Path(name).resolve() / side for side in ("before", "after")]
        for commit, folder in zip(commits, folders):
            export(repository, commit, module.partition(".")[0], python, folder)
        made = [[import_once(python, module, each) for each in folders] for _ in range(rounds + 1)]
    sides = zip(revisions, commits, zip(*made[1:]))
    return [summed_up(revision, commit, trees) for revision, commit, trees in sides]


def known_commit(repository: Path, revision: str) -> str:
    """Return the hash of a revision, or say that it is unknown."""
    commit = commit_of(repository, revision)
    if commit is None:
        raise Failure(f"unknown revision {revision}; see git -C upstream log --oneline main")
    return commit
