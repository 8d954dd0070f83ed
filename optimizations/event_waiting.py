"""Wait for parallel_map's children instead of asking for them every 100 ms.

`parallel_imap_unordered` asks its children every 100 ms whether one has ended. So a single
trivial task takes 100 ms, and a long list of short ones spends most of its time asleep. metaflow
itself uses it to hash, upload and download. Root cause: `time.sleep(0.1)` in the loop that
waits.

What changes: where Python and Linux offer process descriptors (`os.pidfd_open`, Python 3.9 and
Linux 5.3), the loop waits with `poll()` until one of its children ends. Elsewhere it sleeps, for
1 ms at first, then twice as long each time, up to the 100 ms of today; it starts again at 1 ms
after each child. Which child has ended is still asked by `os.waitpid(pid, os.WNOHANG)`, so
results, errors, laziness and the order of starts stay as they are. The number of processors
comes from `os.cpu_count()`: `multiprocessing` was loaded only to ask it.

Reproduce: before, this prints more than 0.1 (seconds); after, a few thousandths:

    python -c "
    import time
    from metaflow.multicore_utils import parallel_map
    start = time.time()
    parallel_map(str, [1])
    print(time.time() - start)"

Could fail:

- Descriptors run short, the kernel has no `pidfd_open` or a sandbox forbids it: that is an
  OSError, and the wait becomes a sleep. Descriptors live as long as one wait, and never while the
  generator is suspended, so an abandoned generator leaves none behind. At most 64 are open at a
  time. `poll()` has no limit of 1024 as `select()` has, and it ends after at most 100 ms, so a
  child beyond these 64 is found, too.
- Somebody else waits for a child, or SIGCHLD is ignored: opening its descriptor fails, and
  `os.waitpid` raises ChildProcessError, as before. Children of others are never waited for.
- A child is stopped: its descriptor stays silent and the parent waits on, as before.
- A debugger holds a child that has ended: its descriptor is ready, but it can't be waited for
  yet. The parent asks again and again until the debugger lets go.

To go back: revert the commit. Nothing is stored, and no interface changes.
"""

from __future__ import annotations

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("multicore.ParallelMap.time_map(1, default)", "`parallel_map` of 1"),
    Claim("multicore.ParallelMap.time_map(8, default)", "`parallel_map` of 8"),
    Claim("multicore.ParallelMap.time_map(64, default)", "`parallel_map` of 64"),
)
TARGET = Target(
    "sleep-based polling in `multicore_utils`",
    claimed="event-based waiting",
    case="multicore.ParallelMap.time_map(1, default)",
    at_least=10,
)
LOOP = "parallel_imap_unordered"


def _wait_for_any(pids, timeout):
    # Wait until one of the child processes has ended, or until the timeout (seconds).
    # Where there are no process descriptors (they need Linux and Python 3.9), or too
    # few, this is a sleep.
    fds = []
    try:
        poll = select.poll()
        for pid in pids[:64]:
            fds.append(os.pidfd_open(pid))
            poll.register(fds[-1], select.POLLIN)
        poll.poll(timeout * 1000)
        return
    except (AttributeError, OSError):
        pass
    finally:
        for fd in fds:
            os.close(fd)
    time.sleep(timeout)


def apply(tree: SourceTree) -> None:
    """Replace the sleep of `parallel_imap_unordered`."""
    module = tree["metaflow/multicore_utils.py"]
    module.replace_statement(
        within=LOOP,
        find="""
        if max_parallel is None:
            # Lazy import to save on startup time for metaflow as a whole
            from multiprocessing import cpu_count

            max_parallel = cpu_count()
        """,
        by="""
        if max_parallel is None:
            max_parallel = os.cpu_count() or 1
        """,
    )
    module.replace_statement(
        within=LOOP,
        find="args_iter = iter(iterable)",
        by="""
        timeout = 0.001
        args_iter = iter(iterable)
        """,
    )
    module.replace_statement(
        within=LOOP,
        find="pids.pop(idx)",
        by="""
        pids.pop(idx)
        timeout = 0.001
        """,
    )
    module.replace_statement(
        within=LOOP,
        find="time.sleep(0.1)",
        by="""
        _wait_for_any([pid for pid, _ in pids], timeout)
        timeout = min(timeout * 2, 0.1)
        """,
    )
    module.add_definition(_wait_for_any, before=LOOP)
    module.add_import("import select")
    tree.insert("test/unit/test_event_waiting.py")
