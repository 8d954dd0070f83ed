"""Find the commit that changed a benchmark, measuring as few commits as it takes.

Where instructions are counted, of the case or beside it, one count a commit decides; else, or with
--by-time, each step is measured beside the good commit and its control, with twice as many rounds
until the verdict is clear. A commit that can't be measured is left out, as git bisect skip does.
"""

from __future__ import annotations

import argparse
import math
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import compare, history, machine
from scripts.bench import machine_name, measure
from scripts.comparison import COUNT, Row
from scripts.control import control_of
from scripts.errors import Failure
from scripts.git_command import git
from scripts.measurements import Case, described, read_sides, units
from scripts.paths import RESULTS, UPSTREAM
from scripts.series import base_commit
from scripts.verdict import Verdict, judge_count
from scripts.witnesses import instructions_of

FIRST_ROUNDS, MOST_ROUNDS = 8, 64


@dataclass(frozen=True)
class Found:
    """What a search came to.

    Attributes
    ----------
    commit : str
        The first commit that is changed.
    measured : tuple of str
        The commits that were measured for it, in their order.
    skipped : tuple of str
        Those of them that can't be measured: one of these may be the first instead.
    """

    commit: str
    measured: tuple[str, ...]
    skipped: tuple[str, ...] = ()


def first_changed(commits: Sequence[str], is_changed: Callable[[str], bool | None]) -> Found:
    """Search for the first changed commit.

    Parameters
    ----------
    commits : sequence of str
        Oldest first, without the good one; the last is said to be changed, and is measured only
        where the search ends there.
    is_changed : callable
        Measures a commit and says whether it is changed; None where it can't be measured.

    Returns
    -------
    Found
        After at most one measurement more than the logarithm of their number to base 2, and one
        for each commit that can't be measured.

    Raises
    ------
    Failure
        Where not even the last is changed.
    """
    said: dict[str, bool | None] = {}

    def ask(commit: str) -> bool | None:
        if commit not in said:
            said[commit] = is_changed(commit)
        return said[commit]

    left = list(commits)
    while len(left) > 1:
        middle = left[(len(left) - 1) // 2]
        answer = ask(middle)
        place = left.index(middle)
        if answer is None:
            left.remove(middle)
        else:
            left = left[: place + 1] if answer else left[place + 1 :]
    if not ask(left[0]):
        raise Failure("the bad commit is no other than the good one here; name other commits")
    skipped = [commit for commit, answer in said.items() if answer is None]
    before = commits.index(left[0])
    near = [commit for commit in skipped if commits.index(commit) < before]
    return Found(left[0], tuple(said), tuple(near))


def between(upstream: Path, good: str, bad: str) -> list[str]:
    """Return the commits after `good` up to `bad`, oldest first, or say why there are none."""
    commits = git(upstream, "rev-list", "--reverse", "--first-parent", f"{good}..{bad}").split()
    below = git(upstream, "merge-base", good, bad)
    if below != good or not commits:
        raise Failure("the good commit must be an ancestor of the bad one; swap or change them")
    return commits


def chosen_case(name: str) -> Case:
    """Return the case that a person named, as asv writes it."""
    cases = [
        Case(benchmark, tuple(value.strip("'") for value in values))
        for benchmark, entry in described(RESULTS).items()
        for values in _product(entry.get("params", []))
    ]
    exact = [case for case in cases if str(case) == name.replace("'", "")]
    close = exact or [case for case in cases if name in str(case)]
    if len(close) == 1:
        return close[0]
    if not close:
        raise Failure(f"no benchmark is called {name}; asv show lists them")
    few = ", ".join(f'"{case}"' for case in close[:4])
    raise Failure(f"{name} may be one of {len(close)} cases; name one, such as {few}")


def _product(parameters: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    import itertools

    return list(itertools.product(*parameters))


def count_of(case: Case) -> Case | None:
    """Return the case that counts instructions: itself, or beside it; None where none can."""
    if shutil.which("valgrind") is None:
        return None
    return case if units(RESULTS).get(case.benchmark) == COUNT else instructions_of(case)


def pattern_of(case: Case) -> str:
    """Return the regular expression that selects one case in asv, which quotes strings."""
    parameters = ", ".join(rf"'?{re.escape(value)}'?" for value in case.parameters)
    return rf"^{re.escape(case.benchmark)}" + (rf"\({parameters}\)$" if parameters else "$")


def row_of(name: str, good: str, commit: str, case: Case) -> Row:
    """Compare one case of two measured commits."""
    comparison = compare.load(RESULTS, UPSTREAM, (good, commit), name)
    for row in comparison.rows:
        if row.case == case:
            return row
    raise Failure(f"{case} has no result for {commit[:8]}; asv show {commit[:8]} tells more")


def by_count(name: str, good: str, case: Case) -> Callable[[str], bool | None]:
    """Return what decides by one count a commit."""
    if value_of(name, good, case) is None:
        measure([good], "--machine", name, "--bench", pattern_of(case), may_fail=True)
    before = value_of(name, good, case)
    if before is None:
        raise Failure(f"{case} can't be measured for {good[:8]}; asv show {good[:8]} tells why")

    def is_changed(commit: str) -> bool | None:
        if value_of(name, commit, case) is None:
            measure([commit], "--machine", name, "--bench", pattern_of(case), may_fail=True)
        after = value_of(name, commit, case)
        if after is None:
            return None
        verdict, _ = judge_count(before, after, None, COUNT)
        return verdict is not Verdict.SAME

    return is_changed


def value_of(name: str, commit: str, case: Case) -> float | None:
    """Return what this Python's environment measured of a case, None where nothing was."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    for side in read_sides(RESULTS, name, commit, commit):
        found = side.cases.get(case)
        is_known = found is not None and not math.isnan(found.value)
        if found is not None and is_known and side.circumstances.get("python") == running:
            return found.value
    return None


def by_time(name: str, good: str, case: Case) -> Callable[[str], bool | None]:
    """Return what decides by time, with as many rounds as it needs."""

    def is_changed(commit: str) -> bool | None:
        rounds = FIRST_ROUNDS
        while rounds <= MOST_ROUNDS:
            commits = list(dict.fromkeys([good, control_of(UPSTREAM, good), commit]))
            options = ["--machine", name, "--interleave-rounds", "--attribute", f"rounds={rounds}"]
            measure(commits, *options, "--bench", pattern_of(case), may_fail=True)
            row = row_of(name, good, commit, case)
            if row.verdict in (Verdict.FASTER, Verdict.SLOWER):
                return True
            if row.verdict is Verdict.SAME:
                return False
            if row.verdict is not Verdict.CANT_TELL:
                return None
            rounds *= 2
        raise Failure(f"{commit[:8]} can't be told from the good one in {MOST_ROUNDS} rounds")

    return is_changed


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described_line = argparse.ArgumentParser(prog="python -m scripts.bisect", description=__doc__)
    described_line.add_argument("--good", required=True, metavar="COMMIT", help="before the change")
    described_line.add_argument("--bad", required=True, metavar="COMMIT", help="after it")
    described_line.add_argument(
        "--bench", required=True, metavar="CASE", help="as asv writes it, or a part of its name"
    )
    described_line.add_argument("--machine", metavar="NAME", type=machine_name)
    described_line.add_argument(
        "--by-time", action="store_true", help="even where instructions are counted beside the case"
    )
    return described_line


def main(argv: Sequence[str] | None = None) -> int:
    """Search, and name the commit."""
    arguments = parser().parse_args(argv)
    history.ensure(UPSTREAM)
    good, bad = (base_commit(UPSTREAM, name) for name in (arguments.good, arguments.bad))
    commits = between(UPSTREAM, good, bad)
    case = chosen_case(arguments.bench)
    name = machine.ensure(arguments.machine)
    count = None if arguments.by_time else count_of(case)
    print(f"deciding by {count or case}", flush=True)
    decide = by_time(name, good, case) if count is None else by_count(name, good, count)
    found = first_changed(commits, decide)
    title = git(UPSTREAM, "log", "-1", "--format=%s", found.commit)
    print(f"\n{case} changed with {found.commit[:8]} {title}")
    for commit in found.skipped:
        print(f"or with {commit[:8]}, which can't be measured")
    print(f"{len(commits)} commits, {len(found.measured)} of them measured, and the good one")
    return 0
