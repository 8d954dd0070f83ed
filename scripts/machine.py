"""The facts about this machine that stand beside its results."""

from __future__ import annotations

from asv.machine import Machine, MachineCollection
from asv.util import UserError


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
    wanted = name or Machine.get_unique_machine_name()
    try:
        return str(MachineCollection.load(wanted)["machine"])
    except UserError:
        facts = Machine.get_defaults() | {"machine": wanted}
        MachineCollection.save(wanted, facts)
        return wanted
