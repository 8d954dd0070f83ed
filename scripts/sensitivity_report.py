"""What share of known slow-downs was detected, and of equal commits called different."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from scripts.comparison import COUNT
from scripts.measure import PROFILES
from scripts.verdict import Evidence, Verdict, adjusted, judge_count, judge_time, weigh

# So many are drawn of all that were measured, again and again.
ROUNDS = PROFILES["default"].rounds
DRAWS = 200
SEED = 20190312
Samples = Mapping[str, list[float]]


def false_alarms(equal: Mapping[str, Samples]) -> tuple[int, int]:
    """Return how many pairs of equal commits were called different, and how many there were.

    Each of the three commits stands once for before, for after and for the control.
    """
    roles = ("before", "after", "control")
    alarms = pairs = 0
    for turn in range(3):
        before, after, control = (equal[roles[(place + turn) % 3]] for place in range(3))
        names = sorted(before.keys() & after.keys() & control.keys())
        weighed = [weigh(before[name], after[name], control[name]) for name in names]
        chances = adjusted([each.probability for each in weighed])
        alarms += sum(called(each, chance, len(names)) for each, chance in zip(weighed, chances))
        pairs += len(names)
    return alarms, pairs


def called(evidence: Evidence, chance: float, tests: int) -> bool:
    """Tell whether a case would be called faster or slower."""
    return judge_time(evidence, chance, tests)[0] in (Verdict.FASTER, Verdict.SLOWER)


def detected(found: Mapping[str, Any], share: str) -> dict[str, float]:
    """Return, by case, the share of draws in which a slow-down was seen.

    Each draw takes as many rounds as the default profile has, of those that were measured, and puts
    the case into a table of equal ones, for whose number its probability is corrected.
    """
    others = [
        weigh(*(found["equal"][role][name] for role in ("before", "after", "control"))).probability
        for name in sorted(found["equal"]["before"])
        if all(name in found["equal"][role] for role in ("after", "control"))
    ]
    generator = np.random.default_rng(SEED)
    seen: dict[str, list[bool]] = {}
    for name, after in found["slower"][share].items():
        before, control = found["before"][name], found["control"][name]
        rounds = min(map(len, (before, control, after)))
        for _ in range(DRAWS):
            drawn = generator.choice(rounds, min(ROUNDS, rounds), replace=False)
            evidence = weigh(*([each[i] for i in drawn] for each in (before, after, control)))
            chance = adjusted([*others, evidence.probability])[-1]
            tests = len(others) + 1
            verdict, _ = judge_time(evidence, chance, tests)
            wanted = called(evidence, chance, tests)
            seen.setdefault(name, []).append(
                wanted and (verdict is Verdict.SLOWER or share == "0.0")
            )
    return {name: sum(each) / len(each) for name, each in seen.items()}


def counted(counts: Mapping[str, Mapping[str, float]]) -> list[list[str]]:
    """Return, for each share of instructions, what was counted and what was said of it."""
    before, control = counts["before"], counts["control"]
    rows = []
    for share, after in sorted(counts.items()):
        if share in ("before", "control"):
            continue
        for name, value in after.items():
            verdict, _ = judge_count(before[name], value, control[name], COUNT)
            change = f"{100 * (value / before[name] - 1):+.3f}%"
            rows.append([f"+{100 * float(share):.1f}%", name, change, verdict.value])
    return rows


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a table as Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def goals(
    alarms: int, pairs: int, by_share: Mapping[str, Mapping[str, float]], counts: list[list[str]]
) -> list[list[str]]:
    """Return what was to be reached, what was, and whether that is enough."""
    least = {share: min(found.values()) for share, found in by_share.items()}
    mean = {share: sum(found.values()) / len(found) for share, found in by_share.items()}
    seen = [row[3] == Verdict.SLOWER.value for row in counts if row[0] == "+1.0%"]
    rows = [
        ("false alarms, of at least 200 pairs", "≤ 1%", f"{alarms / pairs:.2%} of {pairs}",
         alarms <= 0.01 * pairs and pairs >= 200),
        ("counts that are 1% more", "all", f"{sum(seen)} of {len(seen)}", all(seen)),
    ]  # fmt: skip
    for share, wanted in (("0.1", 0.95), ("0.25", 1.0)):
        found = f"{mean[share]:.1%} of all, {least[share]:.1%} of the worst"
        rows.append((f"times that are {100 * float(share):.0f}% more", f"{wanted:.0%}", found,
                     mean[share] >= wanted))  # fmt: skip
    return [
        [what, wanted, found, "yes" if enough else "no"] for what, wanted, found, enough in rows
    ]


def page(found: Mapping[str, Any]) -> str:
    """Return docs/sensitivity.md.

    Parameters
    ----------
    found : mapping
        What scripts.sensitivity measured.

    Returns
    -------
    str
        Markdown.
    """
    alarms, pairs = false_alarms(found["equal"])
    shares = sorted(found["slower"], key=float)
    by_share = {share: detected(found, share) for share in shares}
    names = sorted(by_share[shares[0]])
    rows = [
        [
            f"+{100 * float(share):.0f}%",
            *(f"{by_share[share][name]:.1%}" for name in names),
            f"{sum(by_share[share].values()) / len(names):.1%}",
        ]
        for share in shares
    ]
    rounds = min(len(each) for each in found["before"].values())
    counts = counted(found["counts"])
    return (
        "# What the verdicts see\n\n"
        "Made by `python -m scripts.sensitivity`, which plants empty loops of known length into "
        "throw-away commits of the newest release and measures them; its samples are in "
        "[sensitivity.json](sensitivity.json). [method.md](method.md) explains the verdicts.\n\n"
        + table(["to be seen", "wanted", "seen", "reached"], goals(alarms, pairs, by_share, counts))
        + "\n## False alarms\n\n"
        f"Of {pairs} pairs of equal commits, each case of {ROUNDS} rounds with a third equal "
        f"commit as the control, **{alarms} were called faster or slower "
        f"({alarms / pairs:.2%})**.\n\n"
        "## Slow-downs, by time\n\n"
        f"The share of {DRAWS} draws of {ROUNDS} rounds (the default profile) out of {rounds} in "
        "which the case was called slower, among a table of "
        f"{len(found['equal']['before'])} cases of equal commits. In the row of +0%, called at "
        "all. Draws share rounds, so that the last digits mean little.\n\n"
        + table(["planted", *names, "all"], rows)
        + "\n## Slow-downs, by instructions\n\n"
        "One count a commit. A verdict needs 0.5%: less than that is the same.\n\n"
        + table(["planted", "operation", "counted", "verdict"], counts)
    )
