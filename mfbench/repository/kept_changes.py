"""What each optimisation changes in a release, kept between runs and between clones.

The result depends on nothing but the release's files and the optimisations' sources, so a digest of
each names the file that keeps it.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sys
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mfbench.foundation.errors import Failure
from mfbench.foundation.files import atomic_write
from mfbench.foundation.git_command import git
from mfbench.foundation.mistakes import line_with, place_of_series
from mfbench.foundation.paths import ROOT, cache_folder
from mfbench.repository.commits import read_python_files

if TYPE_CHECKING:
    from optimizations.edits import Optimization

# Of each release, the last ones used stay. One takes 1 MB, and half a minute to make.
VERSIONS_KEPT = 10
# The modules here that decide what the commits hold.
OWN_SOURCES = ("kept_changes.py", "series.py", "commits.py")


@dataclass(frozen=True)
class Change:
    """What one optimisation changes in a release, or why it does not apply.

    `files` are new texts by path, on top of the optimisations before it in SERIES. `alone` has the
    new texts of each optimisation that it needs, then its own, by name.
    """

    number: int
    name: str
    title: str
    body: str
    files: dict[str, str] = field(default_factory=dict)
    alone: dict[str, dict[str, str]] = field(default_factory=dict)
    refusal: str = ""


def changes_of(upstream: Path, base: str) -> list[Change]:
    """Apply the optimisations to the files of a commit, or return the kept result."""
    tree = git(upstream, "rev-parse", f"{base}^{{tree}}")
    place = cache_folder() / "series" / tree / f"{sources_fingerprint()[:16]}.json.gz"
    kept = load(place)
    if kept is None:
        what = git(upstream, "describe", "--tags", "--always", base)
        print(f"applying the optimisations to {what} ...", file=sys.stderr)
        kept = apply(read_python_files(upstream, base))
        save(place, kept)
    with suppress(OSError):
        os.utime(place)
    return kept


def apply(release: dict[str, str]) -> list[Change]:
    """Apply each optimisation to a release: on top of those before it, and of those it needs.

    `release` are the texts of its Python files by path.
    """
    # Imported here because it takes longer than all else if the changes are kept.
    from optimizations import SERIES
    from optimizations.edits import DoesNotApply, SourceTree

    below = needs_of_each(SERIES)
    by_name = {each.name: each for each in SERIES}

    @cache
    def edited(*names: str) -> tuple[dict[str, str], dict[str, str]]:
        """Apply optimisations; return what the last one changed, and all texts."""
        if not names:
            return {}, release
        texts = edited(*names[:-1])[1]
        tree = SourceTree(texts, texts.__getitem__)
        by_name[names[-1]].apply(tree)
        files = tree.changes()
        return files, texts | files

    applied: list[str] = []
    refusals: dict[str, str] = {}
    changes = []
    for number, (name, each) in enumerate(by_name.items(), 1):
        about = (number, name, each.title, each.body)
        stack = [*below[name], name]
        try:
            if refused := [need for need in stack if need in refusals]:
                raise DoesNotApply(f"needs {refused[0]} ({refusals[refused[0]]})")
            alone = {stack[place]: edited(*stack[: place + 1])[0] for place in range(len(stack))}
            changes.append(Change(*about, edited(*applied, name)[0], alone))
            applied.append(name)
        except DoesNotApply as reason:
            refusals[name] = str(reason)
            changes.append(Change(*about, refusal=str(reason)))
    return changes


def needs_of_each(series: Sequence[Optimization]) -> dict[str, list[str]]:
    """Return, by name, all that each optimisation needs, in the order of the series."""
    from optimizations.edits import Optimization

    below: dict[str, list[str]] = {}
    for each in series:
        if not isinstance(each, Optimization):
            raise Failure(f"{place_of_series()}: SERIES holds {each!r}; write load(NAME)")
        for need in each.needs:
            if need not in below:
                place = line_with("NEEDS", f"optimizations/{each.name}.py")
                what = f"{each.name} needs {need}, which does not come before it in SERIES"
                raise Failure(f"{place}: {what}; move it there, or correct NEEDS")
        needed = {name for need in each.needs for name in (*below[need], need)}
        below[each.name] = [name for name in below if name in needed]
    return below


def sources_fingerprint() -> str:
    """Return a digest of everything that decides what the optimisations' commits hold."""
    own = [ROOT / "mfbench" / "repository" / name for name in OWN_SOURCES]
    optimizations = sorted((ROOT / "optimizations").rglob("*.py"))
    digest = hashlib.sha256()
    for path in [*optimizations, ROOT / "constraints.txt", *own]:
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
