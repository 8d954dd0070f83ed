"""Wake parallel_map when a child ends, not every 100 ms.

`parallel_imap_unordered` asks its children every 100 ms whether one has ended. So a single short
task takes 100 ms, and a long list of short ones spends most of its time asleep. metaflow itself
uses it to hash, upload and download. Root cause: `time.sleep(0.1)` in the loop that waits.

What changes: where Python and Linux offer process descriptors (`os.pidfd_open`, Python 3.9 and
Linux 5.3), the loop waits with `poll()` until one of its children ends. Elsewhere it sleeps, for 1
ms at first, then twice as long each time, up to 100 ms; it starts again at 1 ms after each child.
`os.waitpid(pid, os.WNOHANG)` still tells which child has ended, so results, errors, laziness and
the order of starts stay as they are. `os.cpu_count()` replaces `multiprocessing.cpu_count()`, for
which alone that module was loaded.

Reproduce: before, this prints more than 0.1 (seconds); after, a few hundredths:

    python -c "if 1:
    import time
    from metaflow.multicore_utils import parallel_map
    start = time.time()
    parallel_map(time.sleep, [0.01])
    print(time.time() - start)"

Could fail:

- Descriptors run short, the kernel has no `pidfd_open` or a sandbox forbids it: on the OSError, the
  loop sleeps instead. Descriptors are closed after each wait, so an abandoned generator leaves none
  open. At most 64 are open at a time. `poll()` ends after at most 100 ms, so a child beyond these
  64 is found too. Unlike `select()`, it takes descriptors above 1024.
- Somebody else waits for a child, or SIGCHLD is ignored: opening its descriptor fails, and
  `os.waitpid` raises ChildProcessError, as before. Other children are never waited for.
- A child is stopped: its descriptor stays silent and the parent waits on, as before.
- A debugger holds a child that has ended: its descriptor is ready, but it can't be waited for yet.
  The parent loops without a pause until the debugger lets go.

Price: each wait opens and closes a descriptor per child, at most 64. Without descriptors, the
parent wakes more often in the first 100 ms after a child.
"""

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
CHANGES = {
    """
    if max_parallel is None:
        # Lazy import to save on startup time for metaflow as a whole
        from multiprocessing import cpu_count

        max_parallel = cpu_count()
    """: "if max_parallel is None:\n    max_parallel = os.cpu_count() or 1",
    "args_iter = iter(iterable)": "timeout = 0.001\nargs_iter = iter(iterable)",
    "pids.pop(idx)": "pids.pop(idx)\ntimeout = 0.001",
    "time.sleep(0.1)": """
    _wait_for_any([pid for pid, _ in pids], timeout)
    timeout = min(timeout * 2, 0.1)
    """,
}


def _wait_for_any(pids, timeout):
    # Wait until one of the child processes has ended, or until the timeout (seconds).
    # Without process descriptors (Linux and Python 3.9), or with too few free, it sleeps.
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
    for find, by in CHANGES.items():
        module.replace_statement(within=LOOP, find=find, by=by)
    module.add_definition(_wait_for_any, before=LOOP)
    module.add_import("import select")
    tree.insert("test/unit/test_event_waiting.py")
