"""Work that is done by several threads, where several CPUs may be used."""

# metaflow supports Python 3.8: the older spelling of types.
# ruff: noqa: UP006, UP035
import os
from collections import deque
from threading import Thread
from typing import Any, Callable, List, Sequence, Tuple

from .compressible import divided

# To start a thread, and to begin anew with compressing, is little beside a chunk.
CHUNK = 1024 * 1024
# Others want CPUs, too.
MOST = 4


def usable_cpus() -> int:
    """Return on how many CPUs this process may run, up to a few."""
    if hasattr(os, "sched_getaffinity"):
        return min(MOST, len(os.sched_getaffinity(0)))
    return min(MOST, os.cpu_count() or 1)


def in_chunks(
    parts: Sequence[Tuple[int, int, bool]], levels: Sequence[int]
) -> Tuple[List[Tuple[int, int, bool]], List[int]]:
    """Cut the parts of a blob that are compressed, each at its level, where threads may share them.

    Returns the parts and their levels.
    """
    cut = []
    shared = usable_cpus() > 1
    for (start, end, worth), level in zip(parts, levels):
        count = max(1, (end - start) // CHUNK) if worth and shared else 1
        for first, last in divided(end - start, count):
            cut.append(((start + first, start + last, worth), level))
    return [part for part, _ in cut], [level for _, level in cut]


def results_of(tasks: Sequence[Callable[[], Any]]) -> List[Any]:
    """Call each function and return what they return, in their order.

    This thread calls those that no other has begun, and so all where the system has no thread to
    give. What one of them raises is raised here, when no thread is at work any more.
    """
    waiting = deque(enumerate(tasks))
    results: List[Any] = [None] * len(tasks)
    failures: List[BaseException] = []
    helpers = []

    def work() -> None:
        while not failures:
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

    try:
        for _ in range(min(usable_cpus(), len(tasks)) - 1):
            helper = Thread(target=help_out, daemon=True)
            try:
                helper.start()
            except RuntimeError:
                break
            helpers.append(helper)
        work()
    finally:
        waiting.clear()
        for helper in helpers:
            helper.join()
    if failures:
        raise failures[0]
    return results
