"""Prove that the verdicts see what is there, and nothing else.

Measures throw-away commits that are slower by known shares, and identical ones, and writes what
share of each was detected into docs/sensitivity.md. The samples are kept beside it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from timeit import repeat

from scripts import history, machine
from scripts.bench import measure, positive
from scripts.bisection import pattern_of, value_of
from scripts.control import control_of
from scripts.errors import Failure, run
from scripts.files import write_text
from scripts.git_command import git
from scripts.measure import PROFILES
from scripts.measure import pattern_of as pattern_of_topics
from scripts.measurements import Case, Side, read_sides
from scripts.paths import RESULTS, ROOT, SENSITIVITY_MACHINE, UPSTREAM
from scripts.planted import forget, planted
from scripts.sensitivity_report import page

PAGE, SAMPLES = ROOT / "docs" / "sensitivity.md", ROOT / "docs" / "sensitivity.json"
SHARES = (0.03, 0.05, 0.10, 0.25)
# Of instructions: one that is below what a verdict needs, and one that is always to be seen.
COUNT_SHARES = (0.002, 0.01)
# More than the default profile has: as many as that has are drawn of these.
ROUNDS = 36
TIMED = {
    "import": Case("imports.Import.timeraw_metaflow"),
    "save": Case("artifacts.Save.time_save", ("float64-800KB",)),
    "load": Case("artifacts.Load.time_load", ("float64-800KB",)),
    "hash": Case("hashing.ContentKey.time_find", ("float64-8MB",)),
    "parallel_map": Case("multicore.ParallelMap.time_map", ("1", "default")),
}
COUNTED = {
    "import": Case("instructions.Command.track_run", ("import metaflow",)),
    "save": Case("instructions.Artifact.track_save", ("float64-800KB",)),
    "load": Case("instructions.Artifact.track_load", ("float64-800KB",)),
}
# Many cases in little time.
TOPICS = (
    "imports",
    "artifacts",
    "hashing",
    "multicore",
    "extensions",
    "includefile",
    "compression",
    "cli",
)
LOOP = "for _ in range(1_000_000):\n    pass"


def seconds_of_a_pass(at_module_level: bool) -> float:
    """Return how long one pass of an empty loop takes, in seconds."""
    if not at_module_level:
        return min(repeat(LOOP, number=1, repeat=9)) / 1e6
    names: dict[str, object] = {}
    code = compile(LOOP, "loop", "exec")
    return min(repeat(lambda: exec(code, names), number=1, repeat=9)) / 1e6


def passes_for(seconds: Mapping[str, float], share: float) -> dict[str, int]:
    """Return how often each operation's loop is gone through to take a share more time."""
    inside, outside = seconds_of_a_pass(False), seconds_of_a_pass(True)
    # A save finds a key, too, and goes through that loop as well.
    own = {**seconds, "save": seconds["save"] - seconds["hash"]}
    return {
        operation: round(share * value / (outside if operation == "import" else inside))
        for operation, value in own.items()
    }


def newest_side(commit: str) -> Side:
    """Return what was measured of a commit, in this Python's environment."""
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    for side in read_sides(RESULTS, SENSITIVITY_MACHINE, commit[:8], commit):
        if side.circumstances.get("python") == running:
            return side
    raise Failure(f"nothing was measured of {commit[:8]}; see what asv said above")


def samples_of(commit: str, cases: Sequence[Case]) -> dict[str, list[float]]:
    """Return the samples of some cases of a commit, by the case's name."""
    side = newest_side(commit)
    found = {str(case): list(side.cases[case].samples) for case in cases if case in side.cases}
    return {name: samples for name, samples in found.items() if samples}


def timed_cases(commit: str) -> list[Case]:
    """Return the cases of which a commit has samples."""
    side = newest_side(commit)
    return [case for case, measured in side.cases.items() if measured.samples]


def counts_of(commit: str) -> dict[str, float]:
    """Return the counts of a commit by operation, counted now if they were not before."""
    if value_of(SENSITIVITY_MACHINE, commit, COUNTED["import"]) is None:
        measure([commit], "--machine", SENSITIVITY_MACHINE, "--bench", r"^instructions\.")
    found = {name: value_of(SENSITIVITY_MACHINE, commit, case) for name, case in COUNTED.items()}
    missing = [name for name, value in found.items() if value is None]
    if missing:
        raise Failure(f"no instructions were counted for {', '.join(missing)}; install valgrind")
    return {name: value for name, value in found.items() if value is not None}


def measured_samples(main_commit: str, rounds: int) -> dict[str, object]:
    """Measure everything, and return it as sensitivity.json holds it."""
    control = control_of(UPSTREAM, main_commit)
    zero = planted(UPSTREAM, main_commit, {}, "Slower by nothing")
    # First, so that the longest part ends with samples of all commits in their files.
    equal = [main_commit, control, zero]
    pattern = pattern_of_topics(PROFILES["default"], TOPICS)
    options = ["--machine", SENSITIVITY_MACHINE, "--interleave-rounds"]
    measure(
        equal, *options, "--attribute", f"rounds={PROFILES['default'].rounds}", "--bench", pattern
    )
    cases = timed_cases(main_commit)
    aside = {"before": main_commit, "control": control, "after": zero}
    pairs = {role: samples_of(commit, cases) for role, commit in aside.items()}
    before = samples_of(main_commit, list(TIMED.values()))
    seconds = {name: median(before[str(case)]) for name, case in TIMED.items()}
    slower = {
        share: planted(UPSTREAM, main_commit, passes_for(seconds, share), f"Slower by {share:.0%}")
        for share in SHARES
    }
    chosen = "|".join(f"({pattern_of(case)})" for case in TIMED.values())
    commits = [*equal, *slower.values()]
    measure(commits, *options, "--attribute", f"rounds={rounds}", "--bench", chosen)
    wanted = list(TIMED.values())
    return {
        "equal": pairs,
        "before": samples_of(main_commit, wanted),
        "control": samples_of(control, wanted),
        "slower": {
            str(share): samples_of(commit, wanted)
            for share, commit in {0.0: zero, **slower}.items()
        },
        "counts": counted(main_commit, control, zero, seconds),
    }


def counted(
    main_commit: str, control: str, zero: str, seconds: Mapping[str, float]
) -> dict[str, dict[str, float]]:
    """Count the instructions of commits that execute known shares more."""
    passes = {name: passes_for(seconds, max(SHARES))[name] for name in COUNTED}
    slowest = planted(UPSTREAM, main_commit, passes, "Slower where instructions are counted")
    before, much = counts_of(main_commit), counts_of(slowest)
    found = {"before": before, "control": counts_of(control), "0.0": counts_of(zero)}
    for share in COUNT_SHARES:
        # What a pass costs was seen at the slowest commit.
        wanted = {
            name: round(share * before[name] * passes[name] / (much[name] - before[name]))
            for name in COUNTED
        }
        commit = planted(UPSTREAM, main_commit, wanted, f"{share:.1%} more instructions")
        found[str(share)] = counts_of(commit)
    return found


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.sensitivity", description=__doc__)
    described.add_argument("--rounds", metavar="NUMBER", type=positive, default=ROUNDS)
    described.add_argument(
        "--report", action="store_true", help="only make the page anew of the samples that are kept"
    )
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and write samples and page."""
    arguments = parser().parse_args(argv)
    history.ensure(UPSTREAM)
    if not arguments.report:
        if shutil.which("valgrind") is None:
            raise Failure("valgrind is missing, and counts are half of it; install valgrind")
        machine.ensure(SENSITIVITY_MACHINE)
        found = measured_samples(git(UPSTREAM, "rev-parse", "main"), arguments.rounds)
        write_text(SAMPLES, json.dumps(found, indent=1) + "\n")
        forget(UPSTREAM)
    kept = read_samples(SAMPLES)
    try:
        made = page(kept)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Failure(
            f"{SAMPLES.name} lacks samples; measure: python -m scripts.sensitivity"
        ) from None
    write_text(PAGE, made)
    print(f"{PAGE.relative_to(ROOT)} is written")
    return 0


def read_samples(path: Path) -> dict[str, dict[str, dict[str, object]]]:
    """Read what was measured, or say how to measure it."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        what = "is missing"
    except (ValueError, TypeError):
        what = "is damaged"
    raise Failure(f"{path.name} {what}; measure: python -m scripts.sensitivity")


if __name__ == "__main__":
    sys.exit(run(main))
