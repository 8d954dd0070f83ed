"""How the tools fail: one line for a person, and an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from scripts import INTERRUPTED

EXIT_ERROR = 3
EXIT_INTERRUPTED = 130


class Failure(Exception):
    """What happened and what to do about it, in one line."""

    exit_code = EXIT_ERROR


class NothingMeasured(Failure):
    """There is nothing to compare."""

    exit_code = 2


def run(main: Callable[[], int]) -> int:
    """Run a tool's ``main`` so that no traceback reaches the person who typed it.

    Parameters
    ----------
    main : callable
        Takes nothing and returns an exit code.

    Returns
    -------
    int
        The code of ``main``; 3 after a failure, or what that says; 130 after Ctrl-C.
    """
    code = EXIT_ERROR
    try:
        return main()
    except Failure as failure:
        message, code = str(failure), failure.exit_code
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; there is nobody left to tell.
        sys.stderr.close()
        return 0
    except OSError as problem:
        place = f"{problem.filename}: " if problem.filename else ""
        message = f"{place}{problem.strerror or problem}; make it accessible and run again"
    except Exception as problem:
        # Python would end with 1, which is an answer here: a regression, a fault found.
        *_, where = traceback.extract_tb(problem.__traceback__)
        what = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
        line = f"{Path(where.filename).name}:{where.lineno}"
        message = f"{what} ({line}) was not expected; report it, and what you did"
    print(f"error: {message}", file=sys.stderr)
    return code
