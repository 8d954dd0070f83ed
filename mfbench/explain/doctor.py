"""The command ``mfbench doctor``: what on this machine disturbs measurements, and what helps.

Each check reads a file of the system, which may be missing, as in a container. Then the answer is
unknown.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from mfbench.foundation.options import format_option

# Processes that want a CPU, on average over a minute.
BUSY = 0.5
# Written by scripts/set_up_host.sh.
SLICE = "metaflowbenchmarks.slice"
# VIRTIO_BALLOON_F_PAGE_REPORTING in the virtio specification, "Traditional Memory Balloon Device".
PAGE_REPORTING = 5
CPUS = "sys/devices/system/cpu"
TUNE = "sudo .venv/bin/python -m pyperf system tune (lasts until the next start)"
WORDS = {True: "disturbs", None: "unknown", False: "fine"}


@dataclass(frozen=True)
class Check:
    """One thing that may disturb; `disturbs` is None where that is unknown."""

    name: str
    found: str
    disturbs: bool | None
    remedy: str


@click.command()
@format_option("text", "json")
def command(form: str) -> None:
    """Say what on this machine disturbs measurements, and what to do about it.

    This is advice: it changes nothing and needs no root. The exit code is always 0.
    """
    found = run_checks()
    if form == "json":
        click.echo(json.dumps([asdict(each) for each in found], indent=2))
        return
    for each in found:
        click.echo(f"{WORDS[each.disturbs]:9} {each.name:15}  {each.found}")
        if each.remedy:
            click.echo(f"{'':27}-> {each.remedy}")
    count = sum(each.disturbs is True for each in found)
    click.echo(
        f"\n{count} of {len(found)} disturb measurements. Base, head and control alternate, "
        "so that all of them are disturbed alike."
    )


def run_checks(root: Path = Path("/")) -> list[Check]:
    """Check everything: what disturbs comes first, then what is unknown.

    `root` is the folder that holds ``sys``, ``proc`` and ``etc``.
    """
    checks = (load, governor, turbo, reserved_cpus, huge_pages, free_memory, virtual_machine)
    found = [each(root) for each in (*checks, cpu_limit, valgrind)]
    return sorted(found, key=lambda each: list(WORDS).index(each.disturbs))


def result(name: str, found: str, is_fine: bool, remedy: str) -> Check:
    """Return a check of something that was `found`, or is unknown where that is empty."""
    if not found:
        return Check(name, "cannot be seen from here", None, "")
    return Check(name, found, not is_fine, "" if is_fine else remedy)


def text_of(path: Path) -> str:
    """Return a file's text, "" where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def load(root: Path) -> Check:
    """Check whether other programs run; in a container, /proc tells of the whole host."""
    average = text_of(root / "proc/loadavg").partition(" ")[0]
    found = average and f"{average} busy processes in the last minute; CPUs: {os.cpu_count()}"
    remedy = "end other work, wait a minute, look again"
    return result("load", found, float(average or 0) < BUSY, remedy)


def governor(root: Path) -> Check:
    """Check whether the CPUs keep their frequency."""
    files = (root / CPUS).glob("cpu*/cpufreq/scaling_governor")
    found = ", ".join(sorted(set(map(text_of, files))))
    return result("CPU governor", found, found == "performance", TUNE)


def turbo(root: Path) -> Check:
    """Check whether a CPU runs faster for as long as it is cool."""
    state = {"0": "on", "1": "off"}.get(text_of(root / CPUS / "intel_pstate/no_turbo"), "")
    state = state or {"1": "on", "0": "off"}.get(text_of(root / CPUS / "cpufreq/boost"), "")
    return result("turbo", state, state == "off", f"{TUNE}, or switch it off in the BIOS")


def reserved_cpus(root: Path) -> Check:
    """Check whether this runs on CPUs that are kept for measuring."""
    unit = text_of(root / "etc/systemd/system" / SLICE)
    cpus = re.search(r"^AllowedCPUs=(.+)$", unit, re.MULTILINE)
    is_inside = bool(cpus) and f"/{SLICE}" in text_of(root / "proc/self/cgroup")
    place = "in" if is_inside else "outside"
    found = f"CPUs {cpus[1]} belong to {SLICE}; this runs {place} it" if cpus else "none"
    return result("reserved CPUs", found, is_inside, "measure on some: see docs/running.md")


def huge_pages(root: Path) -> Check:
    """Check which programs get transparent huge pages: NumPy asks for them, and a floor."""
    file = root / "sys/kernel/mm/transparent_hugepage/enabled"
    chosen = re.search(r"\[(\w+)\]", text_of(file))
    state = chosen[1] if chosen else ""
    remedy = f"to give them to who asks: echo madvise | sudo tee /{file.relative_to(root)}"
    return result("huge pages", state, state == "madvise", remedy)


def free_memory(root: Path) -> Check:
    """Check whether a virtual machine returns free memory to its host.

    A program that touches such memory again waits for the host: saving a large artifact does.
    """
    buses = root / "sys/bus"
    features = map(text_of, buses.glob("virtio/drivers/virtio_balloon/*/features"))
    returned = any(bits[PAGE_REPORTING:].startswith("1") for bits in features)
    found = "returned to the host; whoever touches it again waits" if returned else "kept"
    remedy = "fill it with cached files: find / -xdev -type f -exec cat {} + > /dev/null"
    return result("free memory", found if buses.is_dir() else "", not returned, remedy)


def virtual_machine(root: Path) -> Check:
    """Check whether a host lends the CPUs."""
    flags = re.search(r"^flags\s*:(.*)$", text_of(root / "proc/cpuinfo"), re.MULTILINE)
    is_virtual = bool(flags and "hypervisor" in flags[1].split())
    found = "yes, on a host that others may use" if is_virtual else "no" if flags else ""
    remedy = "measure on a physical machine; or trust ratios and counts, but no absolute time"
    return result("virtual machine", found, not is_virtual, remedy)


def cpu_limit(root: Path) -> Check:
    """Check whether this container may use only so much CPU time."""
    quota, _, period = text_of(root / "sys/fs/cgroup/cpu.max").partition(" ")
    is_limited = quota.isdecimal()
    found = (
        f"stopped when it has used {int(quota) / int(period):.3g} CPUs" if is_limited else "none"
    )
    remedy = "start the container without a CPU limit (--cpus)"
    return result("CPU limit", found, not is_limited, remedy)


def valgrind(root: Path) -> Check:
    """Check whether instructions can be counted."""
    found = "installed" if shutil.which("valgrind") else "missing: instructions cannot be counted"
    remedy = "install it (on Debian: sudo apt-get install valgrind)"
    return result("valgrind", found, found == "installed", remedy)
