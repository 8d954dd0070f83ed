"""The facts about this machine that stand beside its results."""

from __future__ import annotations

import platform

from asv.machine import Machine, MachineCollection
from asv.util import UserError

from scripts.errors import Failure


def ensure(name: str | None = None) -> str:
    """Record this machine in asv's own file unless it is known there.

    Parameters
    ----------
    name : str, optional
        What to call it; the host's name if not given.

    Returns
    -------
    str
        The name under which asv stores results here.
    """
    host = Machine.get_defaults()["machine"]
    # The host's own entry too: asv takes the only entry there is for any machine.
    for each in (host, name) if name else (Machine.get_unique_machine_name(),):
        record(each)
    return name or str(MachineCollection.load(Machine.get_unique_machine_name())["machine"])


def facts() -> dict[str, str]:
    """Describe this machine as asv does, and its processor where asv can't: on Linux on ARM."""
    found = Machine.get_defaults()
    return found | {"cpu": found["cpu"] or platform.processor() or platform.machine()}


def record(name: str) -> None:
    """Write the facts under a name unless that is known."""
    try:
        MachineCollection.load(name)
    except UserError:
        try:
            MachineCollection.save(name, facts() | {"machine": name})
        except UserError as problem:
            raise Failure(
                f"{MachineCollection.get_machine_file_path()} is damaged ({problem}); "
                "mend it or move it away, and run again"
            ) from None
