"""records/changes.json: which release changed what, and what people decided about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mfbench.foundation.errors import Failure
from mfbench.foundation.files import read_object, write_text
from mfbench.foundation.paths import RECORDS

CHANGES = RECORDS / "changes.json"
# What is slower or more is open until somebody gives a reason for it, or a commit takes it back.
OPEN, ACKNOWLEDGED, FIXED = "open", "acknowledged", "fixed"
# What is faster or less needs no decision.
IMPROVEMENT = "improvement"
STATES = (OPEN, ACKNOWLEDGED, FIXED, IMPROVEMENT)
COUNTED, TIMED, FAILED = "counted", "timed in two runs", "failed"


@dataclass(frozen=True)
class Change:
    """A confirmed change of one case.

    Attributes
    ----------
    case : str
        The case, as asv writes it.
    base, head : str
        What people call the two commits: versions, or hashes of a clone.
    commit : str
        The full hash of the head.
    machine : str
        Where it was measured.
    environment, version : str
        asv's name of the environment, and the benchmark's version: others measure something else.
    unit : str
        The unit of both values; "seconds" for what is timed.
    before : float
        The value at the base.
    after : float or None
        The value at the head; None where the benchmark fails.
    evidence : str
        `COUNTED`, `TIMED` or `FAILED`.
    interval : list of float
        The 95% confidence interval of before / after; empty for what is counted.
    cause : str
        What was measured as its cause; empty where nothing is known.
    state : str
        One of `STATES`.
    reason : str
        Why it is acknowledged, or what fixed it.
    has_issue_text : bool
        Whether an issue's text was written.
    """

    case: str
    base: str
    head: str
    commit: str
    machine: str
    environment: str
    version: str
    unit: str
    before: float
    after: float | None
    evidence: str
    interval: Sequence[float] = ()
    cause: str = ""
    state: str = OPEN
    reason: str = ""
    has_issue_text: bool = False

    @property
    def key(self) -> tuple[str, str, str]:
        """What identifies the change."""
        return self.machine, self.case, self.commit

    @property
    def decision(self) -> str:
        """The state and its reason, in words."""
        if self.state == FIXED:
            return f"{self.state} {self.reason}"
        return f"{self.state}: {self.reason}" if self.reason else self.state


@dataclass(frozen=True)
class Changes:
    """All confirmed changes, the oldest first, and the newest commit that each machine judged.

    `judged` has that commit by machine and evidence, `COUNTED` and `TIMED`.
    """

    judged: Mapping[str, Mapping[str, str]]
    found: Sequence[Change]


def read_changes(path: Path = CHANGES) -> Changes:
    """Read the file; nothing was judged where there is none."""
    if not path.exists():
        return Changes({}, ())
    try:
        read = read_object(path)
        found = [Change(**each) for each in read["changes"]]
        judged = {str(machine): dict(commits) for machine, commits in read["judged"].items()}
    except (Failure, KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Failure(f"{path.name} is damaged ({problem}); restore it with git") from None
    if unknown := [each.state for each in found if each.state not in STATES]:
        raise Failure(f"{path.name}: state {unknown[0]!r} is none of {', '.join(STATES)}")
    return Changes(judged, found)


def write_confirmed_changes(changes: Changes, path: Path = CHANGES) -> None:
    """Write the file, whole or not at all."""
    document = {"judged": dict(changes.judged), "changes": [*map(asdict, changes.found)]}
    write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
