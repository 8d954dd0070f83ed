"""Wait for parallel_map's children instead of polling for them.

`parallel_imap_unordered` asks its children every 100 ms whether one has ended, so that a single
trivial task takes 100 ms, and a long list of short ones spends most of its time asleep. metaflow
itself uses it to hash, upload and download.

What changes: each child holds one end of a pipe that the system closes when the child ends, and
the parent sleeps until one closes (`selectors`, in the standard library). Signature, results, their
temporary files, errors and the laziness of the generator stay. Only its own children are waited
for. Where a pipe can't tell (a process started by the child still holds it, or descriptors are
short) the old question every 100 ms does.

How to measure: `multicore` of the benchmark suite, wall time; instruction counts don't see waiting.

Risk: one descriptor a running child, at most half of those the process may have, while the
generator runs; they are closed when it ends, fails, or is abandoned.
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


class _Children:
    """Running child processes, and which of them ends next.

    A child holds the write end of a pipe of its own that nobody writes to: when the child ends,
    however it ends, the system closes it and wakes up the one who waits at the read end. Only
    these very children are waited for, never those of somebody else. What the pipes can't tell
    (a process started by a child holds the pipe open, or there were no descriptors left for one)
    is found by asking every POLL_SECONDS.
    """

    POLL_SECONDS = 0.1

    def __init__(self) -> None:
        self._running: List[Tuple[int, str]] = []
        self._pipes: Dict[int, int] = {}
        self._ending: Set[int] = set()
        self._selector = selectors.DefaultSelector()
        # The other half of the descriptors is left to everybody else.
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self._descriptors = float("inf") if limit < 0 else limit // 2

    def __enter__(self) -> "_Children":
        return self

    def __exit__(self, *exception: object) -> None:
        # Closing without unregistering: a forked copy of this object must not touch the original.
        self._selector.close()
        for read_end in self._pipes.values():
            os.close(read_end)
        self._pipes.clear()

    def __len__(self) -> int:
        return len(self._running)

    def add(self, spawn: Callable[..., Tuple[int, str]], *arguments: Any) -> None:
        """Start a child; `spawn` forks and returns its process id and its output file."""
        pipe = self._pipe()
        try:
            pid, output_file = spawn(*arguments)
        except BaseException:
            for end in pipe:
                os.close(end)
            raise
        self._running.append((pid, output_file))
        if pipe:
            read_end, write_end = pipe
            os.close(write_end)
            self._pipes[pid] = read_end
            self._selector.register(read_end, selectors.EVENT_READ, pid)

    def wait(self) -> Tuple[str, int]:
        """Wait until a child has ended; return its output file and its wait status."""
        pause = 0.0005
        while True:
            for index, (pid, output_file) in enumerate(self._running):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    del self._running[index]
                    self._forget(pid)
                    self._ending.discard(pid)
                    return output_file, status
            timeout = self.POLL_SECONDS
            if self._ending:
                # A pipe closes a moment before its process can be waited for.
                timeout = min(pause, timeout)
                pause *= 2
            if not self._pipes:
                time.sleep(timeout)
                continue
            for key, _ in self._selector.select(timeout):
                self._ending.add(key.data)
                self._forget(key.data)

    def _pipe(self) -> Tuple[int, ...]:
        try:
            pipe = os.pipe()
        except OSError:
            return ()
        if max(pipe) < self._descriptors:
            return pipe
        for end in pipe:
            os.close(end)
        return ()

    def _forget(self, pid: int) -> None:
        if pid in self._pipes:
            read_end = self._pipes.pop(pid)
            self._selector.unregister(read_end)
            os.close(read_end)


def parallel_imap_unordered(
    func: Callable[[Any], Any],
    iterable: Iterable[Any],
    max_parallel: Optional[int] = None,
    dir: Optional[str] = None,
) -> Iterator[Any]:
    """Yield the results of a function over an iterable as they come; only the body is used."""
    if max_parallel is None:
        max_parallel = os.cpu_count() or 1

    args_iter = iter(iterable)
    with _Children() as children:
        for arg in islice(args_iter, max_parallel):
            children.add(_spawn, func, arg, dir)

        while children:
            output_file, exit_code = children.wait()
            if exit_code:
                raise MulticoreException("Child failed")

            with open(output_file, "rb") as f:
                yield pickle.load(f)
            os.remove(output_file)

            for arg in islice(args_iter, 1):
                children.add(_spawn, func, arg, dir)


def apply(tree: SourceTree) -> None:
    """Replace how `parallel_imap_unordered` waits."""
    module = tree["metaflow/multicore_utils.py"]
    name = "parallel_imap_unordered"
    module.replace_body(name, by=parallel_imap_unordered, was={"ae866ce47e13"})
    module.add_definition(_Children, before=name)
    module.add_import("from typing import Any, Callable, Dict, List, Set, Tuple")
    module.add_import("import selectors")
    module.add_import("import resource")
