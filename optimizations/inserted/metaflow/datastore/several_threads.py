"""Work that is done by several threads, where several CPUs may be used."""

import os
from collections import deque
from pathlib import Path
from threading import Thread
from typing import Any, Callable, List, Sequence, Tuple

from .compressible import divided

# To start a thread, and to begin anew with compressing, is little beside a chunk.
CHUNK = 1024 * 1024
# Others want CPUs, too.
MOST = 4
# Where Linux tells what a container may use: a quota and the period it is for.
QUOTAS = (
    ("/sys/fs/cgroup/cpu.max",),
    ("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"),
)


def usable_cpus() -> int:
    """Return how many CPUs this process may use, up to a few."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(MOST, allowed or 1, int(_quota())))


def _quota() -> float:
    """Return how many CPUs' time a container may use."""
    for paths in QUOTAS:
        try:
            quota, period = map(int, " ".join(Path(path).read_text() for path in paths).split())
        except (OSError, ValueError):
            # Not there, or no limit.
            continue
        if quota > 0 and period > 0:
            return quota / period
    return MOST


def in_chunks(
    parts: Sequence[Tuple[int, int, bool]], levels: Sequence[int]
) -> Tuple[List[Tuple[int, int, bool]], List[int]]:
    """Cut the parts of a blob that are compressed, each at its level, where threads may share them.

    Returns the parts and their levels.
    """
    cut = []
    # To count CPUs takes its time, too.
    large = any(worth and end - start >= 2 * CHUNK for start, end, worth in parts)
    shared = large and usable_cpus() > 1
    for (start, end, worth), level in zip(parts, levels):
        count = max(1, (end - start) // CHUNK) if worth and shared else 1
        for first, last in divided(end - start, count):
            cut.append(((start + first, start + last, worth), level))
    return [part for part, _ in cut], [level for _, level in cut]


def results_of(tasks: Sequence[Callable[[], Any]]) -> List[Any]:
    """Call each function and return what they return, in their order.

    This thread calls those that no other has begun, and so all where the system has no thread to
    give. What one of them raises is raised here, when the others have ended; none is begun then.
    """
    waiting = deque(enumerate(tasks))
    results: List[Any] = [None] * len(tasks)
    failures: List[BaseException] = []
    helpers: List[Thread] = []

    def work() -> None:
        while True:
            try:
                number, task = waiting.popleft()
            except IndexError:
                return
            results[number] = task()

    def help_out() -> None:
        try:
            work()
        except BaseException as failure:
            failures.append(failure)
            waiting.clear()

    try:
        _start(helpers, help_out, min(usable_cpus(), len(tasks)) - 1)
        work()
    finally:
        waiting.clear()
        for helper in helpers:
            if helper.is_alive():
                helper.join()
    if failures:
        raise failures.pop()
    return results


def _start(threads: List[Thread], target: Callable[[], None], count: int) -> None:
    """Start some threads, or as many as the system gives."""
    try:
        for _ in range(count):
            threads.append(Thread(target=target, daemon=True))
            threads[-1].start()
    except RuntimeError:
        pass
