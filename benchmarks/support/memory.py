"""How much memory an action takes on top of what its process holds."""

import gc
import os
import re
from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented


def peak_growth(action):
    """Return the bytes by which resident memory rose above its start while `action` ran.

    The process's own peak would not do: a forked process inherits its parent's.
    """
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")  # resets the peak
    except OSError as error:
        raise SkipNotImplemented(f"the peak of memory can't be reset: {error}") from None
    before = _bytes_of("VmRSS")
    result = action()
    peak = _bytes_of("VmHWM")
    del result
    return peak - before


def _bytes_of(field):
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(rf"{field}:\s+(\d+) kB", status)[1])


def require_memory(gigabytes):
    """Skip on a machine that has less memory: the system might end any of its processes."""
    if os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < gigabytes * 10**9:
        raise SkipNotImplemented(f"this machine has less than {gigabytes} GB of memory")
