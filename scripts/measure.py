"""Measure two commits and their control together, so that scripts.compare can judge them.

All three interleaved, one process a sample; then what repeats (instructions, sizes, digests of
answers), once a commit. A second run measures anew.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import compare, history, machine
from scripts.bench import SHORT, machine_name, measure, positive
from scripts.control import control_of
from scripts.errors import run
from scripts.measurements import Case, Side, read_side
from scripts.paths import RESULTS, UPSTREAM
from scripts.series import base_commit

# What repeats, and so is measured once.
REPEATING = r"^(instructions|answers)\.|^imports\.Footprint|^artifacts\.(Stored|Memory)"
# What does not depend on metaflow, or takes half a minute a round and more.
LEFT_OUT = (
    r"rival|floors|answers|instructions|s3\.|hashing\.Candidate|compression\.\w+With|imports\.Footprint"
    r"|artifacts\.(Stored|Memory|\w+Other)|flows\.(WideForeach|Foreach|Card|Resume)"
)
USUAL = rf"^(?!{LEFT_OUT})"
EVERYTHING = r"^(?!answers|instructions|imports\.Footprint|artifacts\.(Stored|Memory))"
# What stands beside every topic.
WITNESSES = ("instructions", "answers")
SECONDS_TO_INSTALL = 3.0


@dataclass(frozen=True)
class Profile:
    """How much is measured: how many rounds, of which benchmarks."""

    rounds: int
    benchmarks: str


PROFILES = {
    # With four, ranks could not tell a lone change from chance in a table of this length.
    "quick": Profile(5, SHORT),
    # docs/sensitivity.md: with ten, half of what is 10% slower was seen, and with these nearly all.
    "default": Profile(24, USUAL),
    "thorough": Profile(40, EVERYTHING),
}


def pattern_of(profile: Profile, topics: Sequence[str]) -> str:
    """Return the regular expression for a profile's benchmarks of some topics."""
    if not topics:
        return profile.benchmarks
    return rf"^(?=({'|'.join(topics)})\.)(?:{profile.benchmarks.removeprefix('^')})"


def repeating(topics: Sequence[str]) -> str:
    """Return the regular expression for what repeats, of some topics and beside them."""
    return pattern_of(Profile(1, REPEATING), [*topics, *WITNESSES] if topics else ())


def estimate(side: Side | None, pattern: str, rounds: int, commits: int) -> float | None:
    """Return how many seconds a run will take, from how long the benchmarks took before.

    Parameters
    ----------
    side : Side or None
        What was measured earlier on this kind of machine.
    pattern : str
        Which benchmarks there will be.
    rounds, commits : int
        How many samples a case, and of how many commits.

    Returns
    -------
    float or None
        Seconds; None where nothing is known.
    """
    if side is None:
        return None
    seconds = {
        case.benchmark: measured.seconds
        for case, measured in side.cases.items()
        if re.search(pattern, quoted(case))
    }
    return commits * rounds * (sum(seconds.values()) + SECONDS_TO_INSTALL)


def quoted(case: Case) -> str:
    """Return a case as asv matches it: texts in quotes."""
    values = (
        value if re.fullmatch(r"-?[\d.]+", value) else f"'{value}'" for value in case.parameters
    )
    return case.benchmark + (f"({', '.join(values)})" if case.parameters else "")


def earlier(results: Path, name: str) -> Side | None:
    """Return the commit of which most was measured on a machine, or else on any."""
    for folder in (results / name, results):
        files = sorted(folder.rglob("*-*.json"), key=lambda path: path.stat().st_size)
        if files:
            return read_side(files[-1], "earlier")
    return None


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.measure", description=__doc__)
    described.add_argument("before", help="a commit, branch or release")
    described.add_argument("after", help="the same")
    described.add_argument(
        "--profile",
        choices=PROFILES,
        default="default",
        help="how many rounds of which benchmarks (default: %(default)s)",
    )
    described.add_argument(
        "--only", metavar="TOPICS", type=compare.topics_of, default=[], help="as in scripts.compare"
    )
    described.add_argument("--rounds", metavar="NUMBER", type=positive, help="samples a case")
    described.add_argument(
        "--machine", metavar="NAME", type=machine_name, help="the name to store results under"
    )
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Say how long it will take, then measure."""
    arguments = parser().parse_args(argv)
    history.ensure(UPSTREAM)
    before, after = (base_commit(UPSTREAM, name) for name in (arguments.before, arguments.after))
    commits = list(dict.fromkeys([before, control_of(UPSTREAM, before), after]))
    name = machine.ensure(arguments.machine)
    profile = PROFILES[arguments.profile]
    rounds = arguments.rounds or profile.rounds
    pattern = pattern_of(profile, arguments.only)
    before_now = earlier(RESULTS, name)
    timed = estimate(before_now, pattern, rounds, len(commits))
    counted = estimate(before_now, repeating(arguments.only), 1, len(commits))
    seconds = None if timed is None or counted is None else timed + counted
    known = "for the first time" if seconds is None else f"about {max(1, round(seconds / 60))} min"
    print(f"{len(commits)} commits, {rounds} rounds, interleaved: {known}", flush=True)
    options = ["--machine", name, "--interleave-rounds"]
    measure(commits, *options, "--attribute", f"rounds={rounds}", "--bench", pattern, may_fail=True)
    measure(commits, "--machine", name, "--bench", repeating(arguments.only), may_fail=True)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
