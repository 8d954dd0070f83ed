"""How commands fail: one line for a person, and an exit code."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import click

from mfbench import SET_UP
from mfbench.foundation.mistakes import mistake

INTERRUPTED = "\ninterrupted; the same command can be run again"
# 1 is an answer of some commands: a regression, a fault found.
EXIT_ERROR = 3


class Failure(Exception):
    """What happened and what to do about it, in one line."""

    exit_code = EXIT_ERROR


class NothingMeasured(Failure):
    """There is nothing to compare."""

    exit_code = 2


def run(main: Callable[[], None]) -> int:
    """Run `main` and return the exit code; a failure prints one line, never a traceback."""
    try:
        main()
        return 0
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.exceptions.NoArgsIsHelpError as asked:
        asked.show()
        return EXIT_ERROR
    except KeyboardInterrupt:
        print(INTERRUPTED, file=sys.stderr)
        return 130  # as shells report Ctrl-C
    except BrokenPipeError:
        # Who reads our output (head, less) has ended. Python would complain about it at exit.
        sys.stderr.close()
        return 0
    except Exception as problem:
        print(f"error: {in_one_line(problem)}", file=sys.stderr)
        return problem.exit_code if isinstance(problem, Failure) else EXIT_ERROR


def in_one_line(problem: Exception) -> str:
    """Return what happened and what to do."""
    if isinstance(problem, Failure):
        return str(problem)
    if isinstance(problem, click.UsageError) and problem.ctx:
        said = " ".join(problem.format_message().split()).rstrip(".")
        return f"{said}; see {problem.ctx.command_path} --help"
    if said := mistake(problem):
        return said
    if isinstance(problem, ModuleNotFoundError):
        return f"{problem}; {SET_UP}"
    if isinstance(problem, OSError):
        place = f"{problem.filename}: " if problem.filename else ""
        return f"{place}{problem.strerror or problem}; make it accessible and run again"
    *_, where = traceback.extract_tb(problem.__traceback__)
    what = f"{type(problem).__name__}: {' '.join(str(problem).split())}"
    place = f"{Path(where.filename).name}:{where.lineno}"
    return f"{what} ({place}) was not expected; report it, and what you did"
