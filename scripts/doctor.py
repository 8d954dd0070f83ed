"""What on this host disturbs measurements, and what to do about it.

Most is asked of pyperf's own checks (``pyperf system show`` and ``collect_metadata``), and the rest
read from the system's files. It is advice: nothing is changed, nothing needs root, and what can't
be seen from here, as from inside a container, is said to be not known.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from scripts.errors import run
from scripts.host_checks import (
    NOT_KNOWN,
    Check,
    container,
    free_memory,
    huge_pages,
    load,
    nohz_full,
    slice_of_cpus,
    valgrind,
    virtual_machine,
)

TUNE = "sudo .venv/bin/python -m pyperf system tune does it until the next start"
# How pyperf's lines about it begin, our name, and the remedy.
PYPERF_CHECKS = (
    (r"CPU scaling governor: ", "CPU governor", f"choose the governor performance: {TUNE}"),
    (r"Turbo Boost \(\w+\): ", "turbo", f"switch it off: {TUNE}, or the BIOS"),
    (r"ASLR: ", "ASLR", "echo 2 | sudo tee /proc/sys/kernel/randomize_va_space"),
    (
        r"Linux scheduler: (?!.*RCU)",
        "isolated CPUs",
        "start Linux with isolcpus=LIST: pyperf pins to these what it measures (a run's tasks too)",
    ),
    (r"Linux scheduler: (?=.*RCU)", "RCU", "start Linux with rcu_nocbs=LIST, that of isolcpus"),
    (r"Check nohz_full: ", "nohz_full", "start Linux without nohz_full"),
    (r"Perf event: ", "perf events", f"let the kernel sample less: {TUNE}"),
    (r"Power supply: ", "power supply", "plug the cable in; on a battery CPUs slow down"),
)
WORDS = {True: "disturbs", False: "fine", None: "unknown"}


def ask_pyperf(*arguments: str) -> str:
    """Run a command of pyperf.

    Parameters
    ----------
    *arguments : str
        As on its command line.

    Returns
    -------
    str
        What it printed, whatever its exit code, by which it says that a system is not tuned.
    """
    command = [sys.executable, "-m", "pyperf", *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace").stdout


def sections(shown: str) -> dict[str, list[str]]:
    """Split what ``pyperf system show`` prints: its lines by title."""
    # A title is a line above a line of =.
    parts = re.split(r"^(.+)\n=+\n", shown, flags=re.MULTILINE)
    return {
        title: text.strip().partition("\n\n")[0].splitlines()
        for title, text in zip(parts[1::2], parts[2::2])
    }


def by_pyperf(shown: str) -> list[Check]:
    """Tell what pyperf has checked.

    Parameters
    ----------
    shown : str
        What ``pyperf system show`` printed.

    Returns
    -------
    list of Check
        One for each of `PYPERF_CHECKS`.
    """
    lines = sections(shown)
    found = []
    for pattern, name, remedy in PYPERF_CHECKS:
        state, advice, warnings, errors = (
            [line[match.end() :] for line in lines.get(title, []) if (match := start(line))]
            for start in [re.compile(pattern).match]
            for title in ("System state", "Advices", "Warnings", "Errors")
        )
        if advice:
            found.append(Check(name, "; ".join(state) or "not set up for measuring", True, remedy))
        elif state:
            found.append(Check(name, "; ".join(state), False))
        else:
            why = (warnings + errors)[:1]
            found.append(Check(name, ": ".join([NOT_KNOWN, *why]), None))
    return found


def checks(shown: str, facts: Mapping[str, str], root: Path = Path("/")) -> list[Check]:
    """Tell all that may disturb.

    Parameters
    ----------
    shown : str
        What ``pyperf system show`` printed.
    facts : mapping of str to str
        What ``pyperf collect_metadata`` printed, by name.
    root : pathlib.Path, optional
        Where ``sys``, ``proc`` and ``etc`` are.

    Returns
    -------
    list of Check
        What disturbs first, then what is not known.
    """
    found = [load(facts), *by_pyperf(shown), huge_pages(root), free_memory(root)]
    found += [virtual_machine(root), container(root), valgrind()]
    # pyperf speaks of it only where it does harm.
    found = [
        nohz_full(root) if (each.name, each.disturbs) == ("nohz_full", None) else each
        for each in found
    ]
    # pyperf knows of isolcpus alone.
    in_slice = slice_of_cpus(root)
    if in_slice is not None:
        found = [in_slice if each.name == in_slice.name else each for each in found]
    return sorted(found, key=lambda each: (True, None, False).index(each.disturbs))


def metadata(printed: str) -> dict[str, str]:
    """Return what ``pyperf collect_metadata`` printed, by name."""
    return dict(re.findall(r"^- (\w+): (.*)$", printed, flags=re.MULTILINE))


def report(found: Sequence[Check]) -> str:
    """Return checks as text.

    Parameters
    ----------
    found : sequence of Check
        What `checks` returns.

    Returns
    -------
    str
        A line each, with the remedy below what disturbs.
    """
    lines = []
    for each in found:
        lines.append(f"{WORDS[each.disturbs]:9} {each.name:15}  {each.found}")
        if each.remedy:
            lines.append(f"{'':27}-> {each.remedy}")
    number = sum(each.disturbs is True for each in found)
    lines += [
        "",
        f"{number} of {len(found)} disturb. What stays disturbs both sides of a comparison, which",
        "alternate, and shows in the control, which is the same on both.",
    ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Say what disturbs. It is advice, so the exit code is 0 whatever disturbs."""
    described = argparse.ArgumentParser(prog="python -m scripts.doctor", description=__doc__)
    described.add_argument(
        "--format", choices=["text", "json"], default="text", help="(default: %(default)s)"
    )
    arguments = described.parse_args(argv)
    facts = metadata(ask_pyperf("collect_metadata"))
    found = checks(ask_pyperf("system", "show"), facts)
    if arguments.format == "json":
        print(json.dumps([asdict(each) for each in found], indent=2))
    else:
        print(report(found))
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
