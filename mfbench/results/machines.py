"""Which machine's results are meant, and the facts about this machine that asv records."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from asv.machine import Machine, MachineCollection
from asv.util import UserError

from mfbench.foundation.errors import Failure
from mfbench.foundation.paths import IGNORED_MACHINES
from mfbench.results.reader import files_of


def machines_with(results: Path, commits: Sequence[str], python: str = "") -> list[str]:
    """Return the machines that measured all of some commits, in alphabetical order.

    Results that git ignores are for those who name their machine.
    """
    return sorted(
        path.parent.name
        for path in results.glob("*/machine.json")
        if path.parent.name not in IGNORED_MACHINES
        and all(files_of(path.parent, commit, python) for commit in commits)
    )


def likeliest(results: Path, machines: Sequence[str]) -> str:
    """Choose a machine for a person who named none: this one, or the one that measured the most.

    If it is the latter and there are others, a line on stderr names them.
    """
    if (this := this_machine()) in machines:
        return this
    chosen = fullest(results, machines)
    if others := [name for name in machines if name != chosen]:
        names = ", ".join(others)
        print(f"Using results of {chosen!r}; choose others with --machine {names}", file=sys.stderr)
    return chosen


def fullest(results: Path, machines: Sequence[str]) -> str:
    """Return the machine that measured the most commits."""
    return max(machines, key=lambda name: len(list((results / name).glob("*-*.json"))))


def this_machine() -> str:
    """Return the name under which asv records results here."""
    name = Machine.get_unique_machine_name()
    try:
        return str(MachineCollection.load(name)["machine"])
    except UserError:
        return str(name)


def ensure_machine(name: str | None = None) -> str:
    """Record this machine in asv's own file unless it is known there; return its name."""
    facts = Machine.get_defaults()
    # asv does not find the processor on ARM, where /proc/cpuinfo has no model name.
    facts["cpu"] = facts["cpu"] or platform.processor() or platform.machine()
    # The host first: if the file had no other entry, asv would take this one for the host's.
    for each in (facts["machine"], name or facts["machine"]):
        with suppress(UserError):
            MachineCollection.load(each)
            # It is known already.
            continue
        try:
            MachineCollection.save(each, facts | {"machine": each})
        except UserError as problem:
            raise Failure(f"{problem}; repair this file or move it away, and run again") from None
    return name or this_machine()
