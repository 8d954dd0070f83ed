"""The tools of the project; each runs as ``python -m scripts.NAME``."""

import sys
from types import TracebackType

INTERRUPTED = "\ninterrupted; run the same command again to go on"


def _in_one_line(
    kind: type[BaseException], problem: BaseException, traceback: TracebackType | None
) -> None:
    # Ctrl-C while a tool still loads what it needs, before it can catch anything.
    if issubclass(kind, KeyboardInterrupt):
        print(INTERRUPTED, file=sys.stderr)
    else:
        sys.__excepthook__(kind, problem, traceback)


sys.excepthook = _in_one_line
