"""metaflow's releases: the committed list of them, and where their sdists are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from scripts.errors import Failure
from scripts.paths import RELEASES, cache_folder

PROJECT = "metaflow"


@dataclass(frozen=True)
class Release:
    """One final release of metaflow.

    Attributes
    ----------
    version : str
        As in the sdist's name.
    uploaded : str
        Upload time of the sdist, ISO 8601, UTC, whole seconds.
    sha256 : str
        Of the sdist, 64 hex digits.
    """

    version: str
    uploaded: str
    sha256: str

    @property
    def timestamp(self) -> int:
        """Upload time in seconds since 1970."""
        moment = datetime.strptime(self.uploaded, "%Y-%m-%dT%H:%M:%SZ")
        return int(moment.replace(tzinfo=timezone.utc).timestamp())

    @property
    def sdist(self) -> Path:
        """Where the cache keeps the sdist."""
        return cache_folder() / "sdists" / f"{PROJECT}-{self.version}.tar.gz"


def load(path: Path = RELEASES) -> list[Release]:
    """Read the committed list, oldest release first.

    Parameters
    ----------
    path : pathlib.Path
        The list's file.

    Returns
    -------
    list of Release
    """
    try:
        return [Release(**entry) for entry in json.loads(path.read_text())["releases"]]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise Failure(
            f"{path.name} is unreadable ({problem}); restore it with git checkout"
        ) from None


def select(versions: Iterable[str], among: Sequence[Release]) -> list[Release]:
    """Pick releases by version, in the order of the list.

    Parameters
    ----------
    versions : iterable of str
        Versions wanted.
    among : sequence of Release
        The list to pick from.

    Returns
    -------
    list of Release
    """
    wanted = set(versions)
    unknown = wanted - {release.version for release in among}
    if unknown:
        raise Failure(f"unknown release {', '.join(sorted(unknown))}; see scripts/releases.json")
    return [release for release in among if release.version in wanted]


def is_cached(release: Release) -> bool:
    """Tell whether the cache holds the release's sdist, whole."""
    try:
        content = release.sdist.read_bytes()
    except FileNotFoundError:
        return False
    return hashlib.sha256(content).hexdigest() == release.sha256
