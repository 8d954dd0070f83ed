"""Read and show the log lines of a task together.

Whenever the process of a run wakes up, it reads one line of a task's output, and writes its time,
task and text separately. So a task that prints much keeps the scheduler busy. Root cause:
`read_logline` calls `readline()` once, and `logger` writes and flushes time, task and text one by
one.

What changes: `read_logline` reads all that is in the pipe, at most 64 KiB, and shows these lines
with one write. The beginning of a line is kept until its end, or that of the task. Each line is
saved with its own time and id. The id is still 16 random bytes, but no UUID, which is faster.

Reproduce: `python -m cProfile flow.py run`, with a task that prints 10,000 lines, shows more than
30,000 calls of `secho` before, and few after.

Could fail:

- A task prints the beginning of a line, as progress bars do: the scheduler no longer waits for the
  end, so that other tasks go on. Before, lines that had arrived with another
  stayed in the buffer until more output came.
- Another process holds the pipe open: as before, it does not block after the end of the task.
- A remote task has formatted its lines: they are shown one by one with their own times, as before.
- An extension has another logger: it must accept a list of lines.

To go back: revert the commit. What is stored is the same.

Price: lines that are read together are shown with the same time.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("scheduler.Log.track_read(1000)", "scheduler per 1,000 printed lines"),
    Claim("scheduler.Print.time_run(10000)", "run that prints 10,000 lines"),
)
TARGET = Target(
    "the scheduler reads, styles and writes each printed line by itself",
    claimed="a profile",
    case="scheduler.Log.track_read(1000)",
    at_least=5,
    reported=True,
)

MFLOG = {
    "import uuid": "",
    "tstamp = to_bytes(now.strftime(ISOFORMAT))": """
    tstamp = now.isoformat(timespec="microseconds").encode("utf-8")
    """,
    "lineid = to_bytes(str(uuid.uuid4()))": 'lineid = os.urandom(16).hex().encode("utf-8")',
}


def logger(body="", system_msg=False, head="", bad=False, timestamp=True, nl=True):
    """Show a line, or a list of lines."""
    # body may be a list of lines
    prefix = ""
    if timestamp:
        dt = datetime.now() if timestamp is True else timestamp
        tstamp = dt.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        prefix += click.style(tstamp + " ", fg=LOGGER_TIMESTAMP)
    if head:
        prefix += click.style(head, fg=LOGGER_COLOR)
    # style only once, for there may be many lines
    style = click.style("\n", bold=system_msg, fg=LOGGER_BAD_COLOR if bad else None)
    start, end = style.split("\n")
    lines = body if isinstance(body, list) else [body]
    click.echo("\n".join([prefix + start + line + end for line in lines]), nl=nl)


def read_logline(self, fd):
    """Read all that has arrived; show the lines that have ended."""
    # reading should never block thanks to polling, or at the end of the task since
    # the file descriptor is non-blocking
    _, buf = self._logs[fd]
    try:
        data = os.read(fd, 65536)
    except BlockingIOError:
        data = b""
    parts = self._unfinished[fd]
    parts.append(data)
    if data and b"\n" not in data:
        return True
    lines = BytesIO(b"".join(parts)).readlines()
    parts[:] = []
    if data and not lines[-1].endswith(b"\n"):
        parts.append(lines.pop())
    for structured, group in groupby(lines, mflog.is_structured):
        if structured:
            for line in group:
                self.emit_log(line, buf)
        else:
            text = []
            for line in group:
                buf.write(mflog_msg(line))
                text.append(line.strip().decode(self._encoding, errors="replace"))
            self.task.log(text, pid=self._proc.pid)
    return bool(data or lines)


def apply(tree: SourceTree) -> None:
    """Read all that is there, and show it at once."""
    runtime = tree["metaflow/runtime.py"]
    runtime.add_import("from itertools import groupby")
    runtime.replace_statement(
        within="Worker.__init__",
        find='self._encoding = sys.stdout.encoding or "UTF-8"',
        by="""
        # the beginning of a line whose end hasn't arrived, in the parts that were read
        self._unfinished = {fd: [] for fd in self._logs}
        self._encoding = sys.stdout.encoding or "UTF-8"
        """,
    )
    runtime.replace_body("Worker.read_logline", by=read_logline, was={"f318df785922"})
    tree["metaflow/cli.py"].replace_body("logger", by=logger, was={"07ad583127a7"})
    mflog = tree["metaflow/mflog/mflog.py"]
    for find, by in MFLOG.items():
        mflog.replace_statement(within=None, find=find, by=by)
    mflog.add_import("import os")
    tree.insert("test/unit/test_drain_log_lines.py")
