"""docs/sensitivity.md: which share of known slow-downs was seen, and how many false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean
from typing import Any

import numpy as np

from mfbench.measure.profiles import PROFILES
from mfbench.verdict.rows import COUNT
from mfbench.verdict.verdict import (
    MOVED,
    Evidence,
    Verdict,
    adjusted,
    distance_from_one,
    judge_count,
    judge_time,
    test_samples,
)

QUICK, ROUNDS = PROFILES["quick"], PROFILES["default"]
DRAWS = 200
SEED = 20190312
ROLES = ("before", "after", "control")


def page(found: Mapping[str, Any], harmless: Mapping[str, Any]) -> str:
    """Return the page, given what records/sensitivity.json and records/harmless.json hold."""
    equal = [found["equal"][role] for role in ROLES]
    turns = [[*equal[turn:], *equal[:turn]] for turn in range(3)]
    verdicts = [verdict for sides in turns for verdict in verdicts_on(tests_of(sides))]
    alarms, pairs = sum(verdict in MOVED for verdict in verdicts), len(verdicts)
    rounds = min(map(len, found["before"].values()))
    return f"""# Which slow-downs the verdicts see

`mfbench prove sensitivity` adds empty loops of known length to throw-away commits of the newest
release, and measures these. This page is made from its samples
([sensitivity.json](../records/sensitivity.json)) and those of `mfbench prove harmless`
([harmless.json](../records/harmless.json)). Benchmarks that were added since are not in them.
[understanding.md](understanding.md) explains the verdicts. The goals: at most 1% false alarms;
every slow-down of 1% by instructions or of 25% by time is seen, and 95% of those of 10%.

## False alarms

Three commits with identical code were measured together, {ROUNDS} rounds of {len(equal[0])} cases.
Each in turn was base, head and control, so there are {pairs} comparisons. **{alarms} of them were
called faster or slower ({alarms / pairs:.2%}).**

## Harmless edits

`mfbench prove harmless` measures throw-away commits that change nothing that runs: each adds some
constants, a comment, an unused function or a module. {harmless_text(harmless)}

## Slow-downs, by time

Each planted slow-down was measured with {rounds} rounds. {ROUNDS} of them, as many as the default
profile measures, were drawn {DRAWS} times and judged in a table with the {len(equal[0])} cases of
identical code. The table shows the share of draws that were called slower; in the row +0%, faster
or slower. Draws share rounds, so the last digit means little.

{seen_table(found, ROUNDS)}
The same with {QUICK} rounds, as in the quick profile, judged by time alone. The quick profile sees
more where an instruction count confirms the change.

{seen_table(found, QUICK)}
## Slow-downs, by instructions

One count per commit. A change of at most 0.5% is called the same.

{table(["planted", "operation", "counted", "verdict"], counted(found["counts"]))}"""


def harmless_text(harmless: Mapping[str, Any]) -> str:
    """Say how many false alarms harmless edits caused, by count and by time."""
    edits = dict(harmless["counts"])
    before = {case: value for case, (value,) in edits.pop("before").items()}
    changes = {
        f"{case} after {edit}": (before[case], value)
        for edit, found in edits.items()
        for case, (value,) in found.items()
    }
    most = max(changes, key=lambda each: distance_from_one(changes[each][0] / changes[each][1]))
    called = [judge_count(*each, None, COUNT)[0] in MOVED for each in changes.values()]
    old, new = changes[most]
    times = dict(harmless["times"])
    base, control = times.pop("before"), times.pop("control")
    verdicts = [
        each for edit in times.values() for each in verdicts_on(tests_of([base, edit, control]))
    ]
    alarms = sum(each in MOVED for each in verdicts)
    rounds = min(map(len, base.values()))
    return f"""\
{len(before)} cases were counted at each of {len(edits)} edits: **{sum(called)} of these
{len(called)} counts were false alarms.** The largest change was {new / old - 1:+.3%} ({most}).

{len(base)} cases were timed at each of {len(times)} edits, in one run of {rounds} rounds.
**{alarms} of these {len(verdicts)} times were false alarms.**"""


def tests_of(sides: Sequence[Mapping[str, Sequence[float]]]) -> list[Evidence]:
    """Test each case that all of base, head and control have."""
    names = sorted(set.intersection(*(set(side) for side in sides)))
    return [test_samples(*(side[name] for side in sides)) for name in names]


def verdicts_on(tested: Sequence[Evidence]) -> list[Verdict]:
    """Judge the cases of one table."""
    p_values = adjusted([each.p_value for each in tested])
    return [judge_time(*each, len(tested))[0] for each in zip(tested, p_values)]


def seen_table(found: Mapping[str, Any], rounds: int) -> str:
    """Return the share of slow-downs that so many rounds see, by what was planted and by case."""
    rows = []
    for share in sorted(found["slower"], key=float):
        cases = detected(found, share, rounds)
        shares = [*cases.values(), mean(cases.values())]
        rows.append([f"+{float(share):.0%}", *(f"{each:.1%}" for each in shares)])
    return table(["planted", *sorted(found["before"]), "all"], rows)


def detected(found: Mapping[str, Any], share: str, rounds: int) -> dict[str, float]:
    """Return, by case, the share of draws in which a slow-down was seen.

    Each draw puts the case into a table of identical ones, for which its p-value is corrected.
    """
    others = tests_of([found["equal"][role] for role in ROLES])
    wanted = MOVED if share == "0.0" else (Verdict.SLOWER,)
    generator = np.random.default_rng(SEED)
    seen = {}
    for name, after in found["slower"][share].items():
        sides = (found["before"][name], after, found["control"][name])
        measured = min(map(len, sides))
        times = 0
        for _ in range(DRAWS):
            drawn = generator.choice(measured, min(rounds, measured), replace=False)
            evidence = test_samples(*([side[i] for i in drawn] for side in sides))
            times += verdicts_on([*others, evidence])[-1] in wanted
        seen[name] = times / DRAWS
    return dict(sorted(seen.items()))


def counted(counts: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """Return a row for each planted share and operation: what was counted, and the verdict."""
    before, control = counts["before"], counts["control"]
    rows = []
    for share in sorted(counts.keys() - {"before", "control"}):
        for name, value in counts[share].items():
            verdict, _ = judge_count(before[name], value, control[name], COUNT)
            change = f"{value / before[name] - 1:+.3%}"
            rows.append([f"+{float(share):.1%}", name, change, verdict.value])
    return rows


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
