"""Why one import costs more or less than another: modules that left, came, grew and shrank."""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import median

from mfbench.explain.import_trees import CommitImports, walk
from mfbench.results.reader import Case
from mfbench.verdict.comparison import timed_row, with_verdicts
from mfbench.verdict.rows import Row
from mfbench.verdict.verdict import MOVED, Verdict

# A module's own time is worth telling from this share of the whole import on.
WORTH_TELLING = 0.001


@dataclass(frozen=True)
class Difference:
    """A module that left, came, grew or shrank, in microseconds, and the module that imports it.

    One that left or came stands for the modules `below` it that did so, too, and includes their
    cost. What it imported, but other modules import as well, is not part of it.
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

    @property
    def below_text(self) -> str:
        """How many modules left or came with it, as the end of a sentence; empty if none did."""
        count = len(self.below)
        return f" and, through it, {count} more module{'s' * (count > 1)}" if count else ""


def differences(before: CommitImports, after: CommitImports) -> dict[str, list[Difference]]:
    """Return what "left", "came", "grew" and "shrank", each with the costliest first.

    A module that both import grew if its own time is judged slower, and shrank if it is judged
    faster, by the rules for every other timed case; and if its median differs by at least
    `WORTH_TELLING` of the import.
    """
    found = {
        "left": [
            replace(each, before_us=each.after_us, after_us=0) for each in new_in(before, after)
        ],
        "came": new_in(after, before),
        "grew": [],
        "shrank": [],
    }
    least_us = WORTH_TELLING * max(before.tree.cumulative_us, after.tree.cumulative_us)
    importers = {node.name: importer for node, importer in reversed([*walk(after.tree)])}
    for row in judged(before, after, least_us):
        name, old, new = row.case.benchmark, round(row.before or 0), round(row.after or 0)
        if row.verdict in MOVED and abs(new - old) >= least_us:
            kind = "grew" if row.verdict is Verdict.SLOWER else "shrank"
            found[kind].append(Difference(name, importers.get(name, ""), old, new))
    for each in found.values():
        each.sort(key=lambda difference: (-abs(difference.change_us), difference.name))
    return found


def judged(before: CommitImports, after: CommitImports, least_us: float) -> list[Row]:
    """Judge the own times of the modules that both import.

    Modules whose two medians add up to less than `least_us` cannot differ by it. They are left out:
    they would only make the correction for the number of tests stricter.
    """
    rows = []
    for name in sorted(before.own_us.keys() & after.own_us.keys()):
        old, new = before.own_us[name], after.own_us[name]
        if median(old) + median(new) >= least_us:
            row = Row(Case(name), "microseconds", Verdict.CANT_TELL, "", median(old), median(new))
            # A module that was not imported in every round has zeros, which have no ratio.
            rows.append(timed_row(row, *([max(1, each) for each in side] for side in (old, new))))
    return with_verdicts(rows)


def new_in(side: CommitImports, other: CommitImports) -> list[Difference]:
    """Return the topmost modules that the other side lacks, with those below them."""
    found: dict[str, Difference] = {}
    inside: set[int] = set()
    for node, importer in walk(side.tree):
        if node.name in other.own_us or id(node) in inside:
            continue
        tree = [each for each, _ in walk(node)]
        inside.update(map(id, tree))
        lacking = [each for each in tree if each.name not in other.own_us]
        # Where its import fails, several modules may try it.
        known = found.get(node.name, Difference(node.name, importer, 0, 0))
        cost_us = known.after_us + sum(each.self_us for each in lacking)
        below = {each.name for each in lacking}.union(known.below) - {node.name}
        found[node.name] = replace(known, after_us=cost_us, below=tuple(sorted(below)))
    return list(found.values())
