"""What each optimisation changes in a release, kept between runs and between clones.

Applying the series takes half a minute a release. The result depends on nothing but the release's
files and the optimisations' sources, so a digest of each names the file that keeps it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from mfbench.foundation.files import atomic_write
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import ROOT, cache_folder
from mfbench.repository.commits import read_python_files

# One version of the sources takes up to 50 MB (300 KB a release), so only the newest are kept.
VERSIONS_KEPT = 3
# The modules here that decide what the commits hold.
OWN_SOURCES = ("kept_changes.py", "series.py", "commits.py")


@dataclass(frozen=True)
class Change:
    """What one optimisation makes of a release: new texts by path, or why it does not apply."""

    number: int
    name: str
    title: str
    body: str
    files: dict[str, str]
    refusal: str = ""


def changes_of(upstream: Path, base: str) -> list[Change]:
    """Apply the series to the files of a commit, or return what was kept of it."""
    tree = git(upstream, "rev-parse", f"{base}^{{tree}}")
    place = cache_folder() / "series" / sources_fingerprint()[:16] / f"{tree}.json.gz"
    kept = load(place)
    if kept is not None:
        return kept
    changes = list(apply(upstream, base))
    save(place, changes)
    return changes


def apply(upstream: Path, base: str) -> Iterator[Change]:
    """Apply each optimisation to the files of a commit as the optimisations before it left them."""
    # Imported here because it takes longer than all else if the changes are kept.
    from optimizations import SERIES
    from optimizations.edits import DoesNotApply, SourceTree

    if sys.stderr.isatty():
        print("applying the optimisation series ...", file=sys.stderr)
    texts = read_python_files(upstream, base)
    for number, optimization in enumerate(SERIES, 1):
        about = (number, optimization.name, optimization.title, optimization.body)
        tree = SourceTree(texts, texts.__getitem__)
        try:
            optimization.apply(tree)
        except DoesNotApply as refusal:
            yield Change(*about, {}, str(refusal))
            continue
        files = tree.changes()
        texts |= files
        yield Change(*about, files)


def sources_fingerprint() -> str:
    """Return a digest of everything that decides what the series' commits hold."""
    sources = [
        *sorted((ROOT / "optimizations").rglob("*.py")),
        ROOT / "constraints.txt",
        *(ROOT / "mfbench" / "repository" / name for name in OWN_SOURCES),
    ]
    digest = hashlib.sha256()
    for path in sources:
        digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def load(place: Path) -> list[Change] | None:
    """Return what was kept; None if nothing was or the file is damaged."""
    try:
        entries = json.loads(gzip.decompress(place.read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error):
        return None
    return [Change(**entry) for entry in entries]


def save(place: Path, changes: Sequence[Change]) -> None:
    """Keep the changes of a whole series; a cache that can't be written is no error."""
    entries = json.dumps([asdict(change) for change in changes]).encode()
    with suppress(OSError):
        if not place.parent.exists():
            versions = sorted(place.parent.parent.glob("*"), key=lambda path: path.stat().st_mtime)
            for oldest in versions[: 1 - VERSIONS_KEPT]:
                shutil.rmtree(oldest)
        with atomic_write(place) as temporary:
            temporary.write_bytes(gzip.compress(entries))
