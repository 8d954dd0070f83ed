"""What the series makes of a release, kept between runs and between clones of this project.

Applying the series takes half a minute a release, and what comes of it depends on nothing but the
release's files and the sources of the optimisations: these two name the file that keeps it.
"""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.files import replaced
from scripts.paths import cache_folder

# Of how many states of the optimisations, newest first: 300 KB a release are 50 MB for all of one.
STATES_KEPT = 3


@dataclass(frozen=True)
class Change:
    """What one optimisation makes of a release: new texts by path, or why it refuses."""

    number: int
    name: str
    title: str
    body: str
    files: dict[str, str]
    refusal: str = ""


def place_of(fingerprint: str, tree: str) -> Path:
    """Return the file for one state of the optimisations and one tree of git."""
    return cache_folder() / "series" / fingerprint[:16] / f"{tree}.json.gz"


def load(fingerprint: str, tree: str) -> list[Change] | None:
    """Return what was kept, None where nothing was or where it is damaged."""
    try:
        entries = json.loads(gzip.decompress(place_of(fingerprint, tree).read_bytes()))
        return [Change(**entry) for entry in entries]
    except (OSError, EOFError, ValueError, TypeError, zlib.error):
        return None


def save(fingerprint: str, tree: str, changes: Sequence[Change]) -> None:
    """Keep what the whole series makes of a tree; a cache that can't be written is no error."""
    place = place_of(fingerprint, tree)
    entries = json.dumps([asdict(change) for change in changes]).encode()
    with suppress(OSError):
        if not place.parent.exists():
            forget_old_states(place.parent.parent)
        with replaced(place) as beside:
            beside.write_bytes(gzip.compress(entries, compresslevel=6, mtime=0))


def forget_old_states(folder: Path) -> None:
    """Make room for one more state of the optimisations."""
    states = sorted(folder.glob("*"), key=lambda state: state.stat().st_mtime, reverse=True)
    for state in states[STATES_KEPT - 1 :]:
        shutil.rmtree(state, ignore_errors=True)
