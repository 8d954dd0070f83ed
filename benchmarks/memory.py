"""How much memory an action takes on top of what its process holds."""

import gc
from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def peak_growth(action):
    """Return the bytes by which resident memory rose above its start while `action` ran.

    The process's own peak would not do: a forked process inherits its parent's.
    """
    if not (_STATUS.exists() and _CLEAR.exists()):
        raise SkipNotImplemented("peak memory is read from /proc, which this system lacks")
    gc.collect()
    try:
        _CLEAR.write_text("5")  # resets the peak
    except OSError as error:
        raise SkipNotImplemented(f"the peak of memory can't be reset: {error}") from None
    before = _kilobytes("VmRSS")
    result = action()
    peak = _kilobytes("VmHWM")
    del result
    return 1024 * (peak - before)


def _kilobytes(field):
    for line in _STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise SkipNotImplemented(f"{_STATUS} has no {field}")
