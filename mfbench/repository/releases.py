"""metaflow's releases: the committed list of them, and where the cache keeps their sdists."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mfbench.foundation.paths import RELEASES, cache_folder

PROJECT = "metaflow"


@dataclass(frozen=True)
class Release:
    """One final release: its version, and upload time (ISO 8601, UTC) and sha256 of its sdist."""

    version: str
    uploaded: str
    sha256: str

    @property
    def timestamp(self) -> int:
        """Upload time in seconds since 1970."""
        return int(datetime.strptime(self.uploaded, "%Y-%m-%dT%H:%M:%S%z").timestamp())

    @property
    def sdist(self) -> Path:
        """Where the cache keeps the sdist."""
        return cache_folder() / "sdists" / f"{PROJECT}-{self.version}.tar.gz"


def load(path: Path = RELEASES) -> list[Release]:
    """Read the committed list, oldest release first."""
    return [Release(**entry) for entry in json.loads(path.read_text())["releases"]]


def minor_of(version: str) -> str:
    """Return the minor version of a release: 2.19 of 2.19.3."""
    return ".".join(version.split(".")[:2])


def minor_releases() -> list[str]:
    """Return the last release of each minor version, oldest first."""
    return list({minor_of(release.version): release.version for release in load()}.values())


def is_cached(release: Release) -> bool:
    """Return whether the cache holds the release's sdist, whole."""
    if not release.sdist.exists():
        return False
    return hashlib.sha256(release.sdist.read_bytes()).hexdigest() == release.sha256
