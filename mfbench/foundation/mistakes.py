"""What an author got wrong in benchmarks/ or optimizations/, told with its file and line."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

from mfbench.foundation.paths import ROOT

# Helper code: a mistake that it finds is its caller's.
HELPERS = ("optimizations/edits", "benchmarks/support/declarations.py")


def mistake(problem: BaseException, *folders: Path) -> str:
    """Return file, line and what Python says; empty if no code of these folders is to blame.

    Without `folders`, those of this checkout.
    """
    folders = folders or (ROOT / "optimizations", ROOT / "benchmarks")
    places = []
    for frame, line in traceback.walk_tb(problem.__traceback__):
        code = frame.f_code
        # asv_runner may find a fault in a benchmark without running any line of it.
        if code.co_name == "_get_benchmark":
            code = getattr(frame.f_locals["func"], "__code__", code)
            line = code.co_firstlineno
        is_helper = code.co_name != "<module>" and any(map(code.co_filename.count, HELPERS))
        places.append(("" if is_helper else code.co_filename, line))
    what = str(problem)
    if isinstance(problem, SyntaxError):
        what = problem.msg
        places.append((problem.filename or "", problem.lineno or 0))
    ours = [
        f"{Path(name).relative_to(folder.parent).as_posix()}:{line}"
        for name, line in places
        for folder in folders
        if Path(name).is_relative_to(folder)
    ]
    # What Python itself raises says little without its type.
    kind = type(problem)
    what = f"{kind.__name__}: {what}" if kind.__module__ == "builtins" else what
    return f"{ours[-1]}: {' '.join(what.split())}; fix it" if ours else ""


def warn_about_unlisted(applied: Iterable[str]) -> None:
    """Say on stderr which modules of optimizations/ are not in SERIES."""
    modules = {path.stem for path in (ROOT / "optimizations").glob("*.py")}
    if left_out := sorted(modules - {"__init__", *applied}):
        what_to_do = f'add load("{left_out[0]}") there, or move the file away'
        print(
            f"{place_of_series()}: SERIES lacks {', '.join(left_out)}; {what_to_do}",
            file=sys.stderr,
        )


def place_of_series() -> str:
    """Return file and line of SERIES."""
    return line_with("SERIES:", "optimizations/__init__.py")


def line_with(text: str, path: str) -> str:
    """Return file and line of the first line that holds a text, of a file of this checkout."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return f"{path}:{next((n for n, line in enumerate(lines, 1) if text in line), 1)}"
