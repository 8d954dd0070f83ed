"""What each optimisation changes in a release, kept between runs and between clones.

Applying the whole series takes ten seconds a release and more. The result depends on nothing but
the release's files and the optimisations' sources, so a digest of each names the file that keeps
it. Where a source has changed, only those optimisations are applied again that depend on it: a file
also keeps each one's queries of the release, and a digest of the results of the queries.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mfbench.foundation.errors import Failure
from mfbench.foundation.files import atomic_write
from mfbench.foundation.git_command import git
from mfbench.foundation.mistakes import place_of_series
from mfbench.foundation.paths import ROOT, cache_folder
from mfbench.repository.commits import read_python_files

# Of each release, the last ones used stay. One takes 300 KB.
VERSIONS_KEPT = 3
# The modules here that decide what the commits hold.
OWN_SOURCES = ("kept_changes.py", "series.py", "commits.py")
# How the source of an optimisation that imports another one reads.
OF_ANOTHER = re.compile(r"^(\s*(from|import) optimizations(?!\.edits\b)|from \.)", re.MULTILINE)


@dataclass(frozen=True)
class Change:
    """What one optimisation makes of a release: new texts by path, or why it does not apply.

    `source` is a digest of its sources, `queries` what it read of the release (see `SourceTree`),
    and `results` a digest of the results of the queries.
    """

    number: int
    name: str
    title: str
    body: str
    files: dict[str, str]
    refusal: str = ""
    source: str = ""
    queries: list[list[str]] = field(default_factory=list)
    results: str = ""


def changes_of(upstream: Path, base: str) -> list[Change]:
    """Apply the series to the files of a commit, or return what was kept of it."""
    tree = git(upstream, "rev-parse", f"{base}^{{tree}}")
    place = cache_folder() / "series" / tree / f"{sources_fingerprint()[:16]}.json.gz"
    kept = load(place)
    if kept is None:
        earlier = [change for each in place.parent.glob("*.gz") for change in load(each) or ()]
        kept = list(apply(upstream, base, earlier))
        save(place, kept)
    with suppress(OSError):
        os.utime(place)
    return kept


def apply(upstream: Path, base: str, earlier: Sequence[Change] = ()) -> Iterator[Change]:
    """Apply each optimisation to the files of a commit as the optimisations before it left them.

    A change of `earlier` is used again if its sources and what it read of the release are the same.
    """
    # Imported here because it takes longer than all else if the changes are kept.
    from optimizations import SERIES
    from optimizations.edits import DoesNotApply, Optimization, SourceTree

    if wrong := [each for each in SERIES if not isinstance(each, Optimization)]:
        raise Failure(f"{place_of_series()}: SERIES holds {wrong[0]!r}; write load(NAME)")
    told = False
    texts = read_python_files(upstream, base)
    for number, optimization in enumerate(SERIES, 1):
        release, tree = (SourceTree(texts, texts.__getitem__) for _ in range(2))
        source = source_fingerprint(optimization.name)
        known = (each for each in earlier if each.source == source)
        change = next(
            (each for each in known if each.results == release.results_of(each.queries)), None
        )
        if change is None:
            if not told:
                what = git(upstream, "describe", "--tags", "--always", base)
                print(f"applying the optimisation series to {what} ...", file=sys.stderr)
                told = True
            about = (number, optimization.name, optimization.title, optimization.body)
            files, refusal = {}, ""
            try:
                optimization.apply(tree)
                files = tree.changes()
            except DoesNotApply as reason:
                refusal = str(reason)
            queries = sorted(map(list, tree.queries))
            results = release.results_of(queries)
            change = Change(*about, files, refusal, source, queries, results)
        texts |= change.files
        yield replace(change, number=number)


def source_fingerprint(name: str) -> str:
    """Return a digest of all that decides, beside the release, what an optimisation changes."""
    folder = ROOT / "optimizations"
    own = folder / f"{name}.py"
    others = OF_ANOTHER.search(own.read_text(encoding="utf-8"))
    return _digest([own, *(sorted(folder.glob("*.py")) if others else ()), *_shared_sources()])


def sources_fingerprint() -> str:
    """Return a digest of everything that decides what the series' commits hold."""
    return _digest([*sorted((ROOT / "optimizations").rglob("*.py")), *_shared_sources()])


def _shared_sources() -> list[Path]:
    edits = sorted((ROOT / "optimizations" / "edits").glob("*.py"))
    own = [ROOT / "mfbench" / "repository" / name for name in OWN_SOURCES]
    return [*edits, ROOT / "constraints.txt", *own]


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(ROOT).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def load(place: Path) -> list[Change] | None:
    """Return what was kept; None if nothing was or the file is damaged."""
    try:
        return [Change(**each) for each in json.loads(gzip.decompress(place.read_bytes()))]
    except (OSError, EOFError, ValueError, TypeError, zlib.error):
        return None


def save(place: Path, changes: Sequence[Change]) -> None:
    """Keep the changes of a whole series; a cache that can't be written is no error."""
    entries = json.dumps([asdict(change) for change in changes]).encode()
    with suppress(OSError):
        with atomic_write(place) as temporary:
            temporary.write_bytes(gzip.compress(entries))
        versions = sorted(place.parent.glob("*.gz"), key=lambda path: path.stat().st_mtime)
        for oldest in versions[:-VERSIONS_KEPT]:
            oldest.unlink()
