"""List the benchmarks of a folder as JSON, as asv does, or end with a line that says what is wrong.

Usage: ``python -m mfbench.results.discovery FOLDER``. It is a process of its own, because it
imports all benchmarks, and these change its environment.
"""

from __future__ import annotations

import io
import sys
import traceback
from pathlib import Path

from asv_runner._aux import update_sys_path
from asv_runner.discovery import list_benchmarks


def main(folder: Path) -> None:
    """Print what asv_runner finds, or end with the mistake that it found."""
    found = io.StringIO()
    update_sys_path(str(folder))
    try:
        list_benchmarks(str(folder), found)
    except BaseException as problem:
        sys.exit(explain(problem, folder))
    print(found.getvalue())


def explain(problem: BaseException, folder: Path) -> str:
    """Return the file and line of the author's mistake, and what Python says of it."""
    places = []
    for frame, line in traceback.walk_tb(problem.__traceback__):
        code = frame.f_code
        # asv_runner may find a fault in a benchmark without running any line of it.
        if code.co_name == "_get_benchmark":
            code = getattr(frame.f_locals["func"], "__code__", code)
            line = code.co_firstlineno
        places.append((code.co_filename, line))
    if isinstance(problem, SyntaxError):
        places.append((problem.filename or "", problem.lineno or 0))
    ours = [
        f"{Path(name).relative_to(folder.parent)}:{line}: "
        for name, line in places
        if Path(name).is_relative_to(folder) and Path(name).stem != "declarations"
    ]
    what = problem.msg if isinstance(problem, SyntaxError) else problem
    return "".join(ours[-1:]) + f"{type(problem).__name__}: {' '.join(str(what).split())}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
