"""What the system's own files, and what is installed, tell of this host; for ``scripts.doctor``.

Every file may be missing, as in a container: then it is not known, which is no failure.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

NOT_KNOWN = "not known here"
# What scripts/set_up_host.sh writes.
SLICE = "metaflowbenchmarks.slice"
# Processes that want a CPU, on average over a minute.
BUSY = 0.5
# A virtio balloon's feature, by the number of its bit.
PAGE_REPORTING = 5
HUGE_PAGES = {
    "always": "everybody gets them, so huge_pages and arrays_in_huge_pages show no gain",
    "madvise": "who asks for them gets them, as huge_pages and arrays_in_huge_pages do",
    "never": "nobody gets them, so huge_pages and arrays_in_huge_pages show no gain",
}


@dataclass(frozen=True)
class Check:
    """One thing that may disturb.

    Attributes
    ----------
    name : str
        Of the thing.
    found : str
        What was found out.
    disturbs : bool or None
        None where it is not known.
    remedy : str
        What to do about it, in a sentence; empty where there is nothing to do.
    """

    name: str
    found: str
    disturbs: bool | None
    remedy: str = ""


def first_line(path: Path) -> str:
    """Return a file's first line, "" where it can't be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
    except OSError:
        return ""


def load(facts: Mapping[str, str]) -> Check:
    """Tell whether anything else runs.

    Parameters
    ----------
    facts : mapping of str to str
        What ``pyperf collect_metadata`` prints, by name.

    Returns
    -------
    Check
        In a container it is the host's load, which is what matters.
    """
    average, cpus = facts.get("load_avg_1min", ""), facts.get("cpu_count", "?")
    if not re.fullmatch(r"\d+(\.\d+)?", average):
        return Check("load", NOT_KNOWN, None)
    found = f"{average} processes on average over the last minute; CPUs: {cpus}"
    if float(average) < BUSY:
        return Check("load", found, False)
    return Check("load", found, True, "end other work, wait a minute and look again")


def nohz_full(root: Path) -> Check:
    """Tell which CPUs have no timer ticks; pyperf says whether that goes with the CPU's driver.

    Parameters
    ----------
    root : pathlib.Path
        Where ``sys`` is.

    Returns
    -------
    Check
        Ticks disturb all programs alike, and little.
    """
    path = root / "sys/devices/system/cpu/nohz_full"
    if not path.exists():
        return Check("nohz_full", NOT_KNOWN, None)
    cpus = first_line(path).strip("()").replace("null", "")
    return Check("nohz_full", f"no ticks on CPUs {cpus}" if cpus else "ticks on all CPUs", False)


def huge_pages(root: Path) -> Check:
    """Tell which programs get transparent huge pages: two optimisations ask for them.

    Parameters
    ----------
    root : pathlib.Path
        Where ``sys`` is.

    Returns
    -------
    Check
        Anything but madvise hides what they do.
    """
    line = first_line(root / "sys/kernel/mm/transparent_hugepage/enabled")
    chosen = re.search(r"\[(\w+)\]", line)
    if chosen is None or chosen[1] not in HUGE_PAGES:
        return Check("huge pages", NOT_KNOWN, None)
    found = f"{chosen[1]}: {HUGE_PAGES[chosen[1]]}"
    if chosen[1] == "madvise":
        return Check("huge pages", found, False)
    remedy = "echo madvise | sudo tee /sys/kernel/mm/transparent_hugepage/enabled"
    return Check("huge pages", found, True, remedy)


def free_memory(root: Path) -> Check:
    """Tell whether a virtual machine gives memory that is free back to its host.

    Who touches it again waits for the host: a large artifact is saved in new memory.

    Parameters
    ----------
    root : pathlib.Path
        Where ``sys`` is.

    Returns
    -------
    Check
        Not known without the system's list of devices. The bit is VIRTIO_BALLOON_F_PAGE_REPORTING
        of the virtio specification (section "Traditional Memory Balloon Device").
    """
    buses = root / "sys/bus"
    if not buses.is_dir():
        return Check("free memory", NOT_KNOWN, None)
    balloons = buses.glob("virtio/drivers/virtio_balloon/*/features")
    if not any(first_line(features)[PAGE_REPORTING:].startswith("1") for features in balloons):
        return Check("free memory", "kept by this system", False)
    remedy = "read files until little is free: find / -xdev -type f -exec cat {} + > /dev/null"
    found = "given back to the host, and what is touched again waits for it"
    return Check("free memory", found, True, remedy)


def virtual_machine(root: Path) -> Check:
    """Tell whether the CPUs are lent by a host that others may use.

    Parameters
    ----------
    root : pathlib.Path
        Where ``proc`` is.

    Returns
    -------
    Check
        Not known where the processor has no flag for it.
    """
    try:
        cpus = (root / "proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        cpus = ""
    flags = re.search(r"^flags\s*:(.*)$", cpus, re.MULTILINE)
    if flags is None:
        return Check("virtual machine", NOT_KNOWN, None)
    if "hypervisor" not in flags[1].split():
        return Check("virtual machine", "no", False)
    found = "yes, on a host that others may use"
    # user, nice, system, idle, iowait, irq, softirq, steal; see proc_stat(5).
    times = [int(part) for part in first_line(root / "proc/stat").split()[1:9] if part.isdecimal()]
    if len(times) == 8 and any(times):
        found += f"; it was kept waiting for {times[7] / sum(times):.2%} of the time"
    remedy = "measure on a machine of its own; or trust ratios and counts, but no time as such"
    return Check("virtual machine", found, True, remedy)


def container(root: Path) -> Check:
    """Tell whether this is a container, and whether its CPU time is limited.

    Parameters
    ----------
    root : pathlib.Path
        Where the container's marks, ``sys`` and ``proc`` are.

    Returns
    -------
    Check
        A container as such disturbs nothing.
    """
    marks = [root / ".dockerenv", root / "run/.containerenv"]
    control_group = first_line(root / "proc/1/cgroup")
    inside = any(mark.exists() for mark in marks) or bool(
        re.search("docker|kubepods|containerd|lxc", control_group)
    )
    found = "yes; settings are the host's, and are changed there" if inside else "no"
    quota, _, period = first_line(root / "sys/fs/cgroup/cpu.max").partition(" ")
    if quota.isdecimal() and period.isdecimal() and int(period):
        found += f"; it is stopped whenever it has used {int(quota) / int(period):.3g} CPUs"
        return Check("container", found, True, "start it without a limit of CPU time (--cpus)")
    return Check("container", found, False)


def slice_of_cpus(root: Path) -> Check | None:
    """Tell whether this runs on the CPUs that ``scripts/set_up_host.sh --cpus`` sets apart.

    Parameters
    ----------
    root : pathlib.Path
        Where ``etc`` and ``proc`` are.

    Returns
    -------
    Check or None
        None where no CPUs are set apart so.
    """
    unit = root / "etc/systemd/system" / SLICE
    try:
        cpus = re.search(r"^AllowedCPUs=(.+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, ValueError):
        cpus = None
    if cpus is None:
        return None
    found = f"CPUs {cpus[1]} are set apart for {SLICE}"
    if f"/{SLICE}" in first_line(root / "proc/self/cgroup"):
        return Check("isolated CPUs", f"{found}, and this is in it", False)
    remedy = "measure in it: docs/host.md says how"
    return Check("isolated CPUs", f"{found}, and this is not in it", True, remedy)


def valgrind() -> Check:
    """Tell whether instructions can be counted.

    Returns
    -------
    Check
        Without counts there are times only, which is what everything else here disturbs.
    """
    if shutil.which("valgrind"):
        return Check("valgrind", "installed", False)
    found = "missing: instructions are not counted, the measure that noise does not reach"
    return Check("valgrind", found, True, "install it (on Debian: sudo apt-get install valgrind)")
