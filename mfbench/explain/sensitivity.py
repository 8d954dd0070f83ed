"""The command ``mfbench prove sensitivity``: which slow-downs the verdicts see."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from statistics import median
from timeit import repeat
from typing import Any

import click

from mfbench.explain.bisect import measure, measurement
from mfbench.explain.planted import PLACES, plant
from mfbench.foundation.errors import Failure
from mfbench.foundation.files import read_object, write_text
from mfbench.foundation.options import rounds_option
from mfbench.foundation.paths import RECORDS, RESULTS, ROOT, UPSTREAM
from mfbench.foundation.paths import SENSITIVITY_MACHINE as MACHINE
from mfbench.measure.jobs import Request
from mfbench.measure.profiles import PROFILES
from mfbench.measure.selection import timed_cases
from mfbench.repository.build import ensure
from mfbench.repository.control import write_control
from mfbench.repository.series import find_commit
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.machines import ensure_machine
from mfbench.results.reader import Case

PAGE = ROOT / "docs" / "sensitivity.md"
SAMPLES, HARMLESS = RECORDS / "sensitivity.json", RECORDS / "harmless.json"
CASES = {operation: Case.parse(case) for operation, (_, _, case) in PLACES.items()}
SHARES = (0.03, 0.05, 0.10, 0.25)
# Of instructions: one that is below what a verdict needs, and one that must always be seen.
COUNT_SHARES = (0.002, 0.01)
# More than the default profile has: its number is drawn of these, again and again.
ROUNDS = 36
LOOP = "for _ in range(1_000_000):\n    pass"


@click.command()
@rounds_option(ROUNDS)
@click.option("--report", is_flag=True, help="Only write the page anew from the kept samples.")
def command(rounds: int, report: bool) -> None:
    """Prove that the verdicts see slow-downs, and only those.

    Measures throw-away commits of the newest release that are slower by known shares, and identical
    commits: an hour on an idle machine. Keeps the samples in records/sensitivity.json and writes
    docs/sensitivity.md: which share of the slow-downs was seen, and how many false alarms there
    were.
    """
    if not report:
        samples = measure_all(prepare(), rounds)
        write_text(SAMPLES, json.dumps(samples, indent=1) + "\n")
    write_page()


def prepare() -> str:
    """Make what measuring needs; return the commit of the newest release."""
    if shutil.which("valgrind") is None:
        raise Failure("valgrind is missing, which counts instructions; install it")
    ensure(UPSTREAM)
    ensure_machine(MACHINE)
    return find_commit(UPSTREAM, "main")


def write_page() -> None:
    """Write the page from what is kept."""
    from mfbench.explain.sensitivity_report import page

    write_text(PAGE, page(read_object(SAMPLES), read_object(HARMLESS)))
    click.echo(f"wrote {PAGE.relative_to(ROOT)}")


def measure_all(base: str, rounds: int) -> dict[str, Any]:
    """Measure everything, and return it as records/sensitivity.json holds it."""
    ends = {"before": base, "control": write_control(UPSTREAM, base)}
    zero = plant(UPSTREAM, base, {}, "Slower by nothing")
    cases = timed_cases(read_benchmarks(RESULTS), "default")
    # First, so that the longer run's samples of the same commits replace these.
    equal = measured(ends | {"after": zero}, cases, PROFILES["default"])
    seconds = {name: median(equal["before"][str(case)]) for name, case in CASES.items()}
    slower = {
        str(share): plant(UPSTREAM, base, passes_for(seconds, share), f"Slower by {share:.0%}")
        for share in SHARES
    }
    timed = measured(ends | {"0.0": zero} | slower, CASES.values(), rounds)
    counts = count_all(base, ends | {"0.0": zero}, passes_for(seconds, max(SHARES)))
    sides = {name: timed.pop(name) for name in ends}
    return {"equal": equal, **sides, "slower": timed, "counts": counts}


def measured(
    commits: Mapping[str, str], cases: Iterable[Case], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Measure commits, each with a name; return by name and case its samples, or its one value."""
    request = Request(MACHINE, read_benchmarks(RESULTS), frozenset(cases))
    measure(list(commits.values()), request, rounds)
    found: dict[str, dict[str, list[float]]] = {}
    for name, commit in commits.items():
        values = {case: measurement(MACHINE, commit, case) for case in sorted(request.cases)}
        found[name] = {
            str(case): list(each.samples) or [each.value] for case, each in values.items() if each
        }
    return found


def passes_for(seconds: Mapping[str, float], share: float) -> dict[str, int]:
    """Return how often each operation's loop must run to take a share more time."""
    seconds_of_a_pass = min(repeat(LOOP, number=1, repeat=9)) / 1e6
    # A save looks for its key, too, and so runs the loop of "hash" as well.
    own = {**seconds, "save": seconds["save"] - seconds["hash"]}
    return {operation: round(share * value / seconds_of_a_pass) for operation, value in own.items()}


def count_all(
    base: str, commits: Mapping[str, str], passes: Mapping[str, int]
) -> dict[str, dict[str, float]]:
    """Count the instructions of some commits, and of commits that execute known shares more."""
    benchmarks = read_benchmarks(RESULTS)
    witnesses = {name: benchmarks[case.benchmark].witness_of(case) for name, case in CASES.items()}
    cases = {name: case for name, case in witnesses.items() if case}

    def counted(commits: Mapping[str, str]) -> dict[str, dict[str, float]]:
        found = measured(commits, cases.values(), 1)
        return {
            name: {operation: side[str(case)][0] for operation, case in cases.items()}
            for name, side in found.items()
        }

    # Shows how many instructions a pass executes.
    many = {name: passes[name] for name in cases}
    slowest = plant(UPSTREAM, base, many, "Slower where instructions are counted")
    found = counted({**commits, "slowest": slowest})
    before, much = found["before"], found.pop("slowest")
    more = {}
    for share in COUNT_SHARES:
        wanted = {
            name: round(share * before[name] * many[name] / (much[name] - before[name]))
            for name in cases
        }
        more[str(share)] = plant(UPSTREAM, base, wanted, f"{share:.1%} more instructions")
    return found | counted(more)
