"""What makes one import slower or faster than another: modules that left, came, grew and shrank."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from scripts.import_trees import Node, Side, imported, walk

# With fewer, all of one side are too often slower than all of the other by chance.
FEWEST_ROUNDS = 4
# A module's own time is news from this share of the whole import on.
WORTH_TELLING = 0.001


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
