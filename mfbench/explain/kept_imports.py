"""What importing metaflow costs at two commits, measured once and kept in records/imports/.

Documents and pages made of it stay the same until it is measured again, for other commits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mfbench.explain.import_changes import differences
from mfbench.explain.import_trees import measure
from mfbench.explain.imports import MODULE, ROUNDS, document, interpreter
from mfbench.foundation.errors import Failure
from mfbench.foundation.files import write_text
from mfbench.foundation.paths import RECORDS
from mfbench.repository.series import find_commit
from mfbench.results.records import read_imports

IMPORTS = RECORDS / "imports"
# The newest release and the series; each other file compares two releases.
SERIES = IMPORTS / "series.json"


def path_of(before: str, after: str, folder: Path = IMPORTS) -> Path:
    """Return where the comparison of two releases is kept."""
    return folder / f"{before}..{after}.json"


def is_of(path: Path, upstream: Path, revisions: Sequence[str]) -> bool:
    """Return whether a file holds the comparison of these two revisions."""
    if not path.exists():
        return False
    try:
        read = read_imports(path)
    except Failure as failure:
        raise Failure(f"{path.name}: {failure}; restore it with git, or remove it") from None
    commits = [read[side]["commit"] for side in ("before", "after")]
    return commits == [find_commit(upstream, each) for each in revisions]


def keep(path: Path, upstream: Path, revisions: Sequence[str]) -> None:
    """Compare what importing metaflow costs at two revisions, and write it as JSON."""
    sides = measure(upstream, revisions, interpreter(), MODULE, ROUNDS)
    write_text(path, document(MODULE, ROUNDS, sides, differences(*sides)))
