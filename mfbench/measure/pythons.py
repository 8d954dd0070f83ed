"""Measuring with several Pythons: an environment for each, or the reason why there is none."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence

from asv.console import log
from asv.environment import Environment, get_environments
from asv.util import ProcessError, UserError

# Imported so that asv knows this project's environments.
import mfbench.asv_plugin.environment  # noqa: F401
from mfbench.foundation.errors import Failure
from mfbench.foundation.files import write_text
from mfbench.foundation.paths import IGNORED_MACHINES, RECORDS
from mfbench.measure.asv_command import configuration


def make_environments(pythons: Sequence[str], machine: str) -> list[str]:
    """Make the environments of Pythons; return those that have one, keep why others have none."""
    reasons = {python: make_environment(python) for python in pythons}
    skipped = {python: reason for python, reason in reasons.items() if reason}
    for python, reason in skipped.items():
        print(f"Python {python} is skipped: {reason}", flush=True)
    if machine not in IGNORED_MACHINES:
        text = json.dumps(skipped, indent=1)
        write_text(RECORDS / "pythons" / f"{machine}.json", f"{text}\n")
    if len(skipped) == len(reasons):
        raise Failure("none of these Pythons can be used; name others with --pythons")
    return [python for python in reasons if python not in skipped]


def make_environment(python: str) -> str:
    """Make a Python's environment unless it is there; return why that failed, or an empty text."""
    if not re.fullmatch(r"3\.\d+", python):
        return "not a version of Python 3; write it like 3.12"
    for environment in get_environments(configuration(), [f":{python}"], verbose=False):
        return reason_for_none(environment)
    return "no interpreter of this version was found"


def reason_for_none(environment: Environment) -> str:
    """Make an environment unless it is there; return why that failed, or an empty text."""
    try:
        # Else asv logs the failure, too.
        with log.set_level(logging.CRITICAL):
            environment.create()
    except ProcessError:
        return "virtualenv can't make an environment with it"
    except UserError as problem:
        return str(problem)
    return ""
