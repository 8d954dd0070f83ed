"""metaflow's releases: the committed list, those of upstream/, and where the cache has sdists."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RELEASES, cache_folder
from mfbench.repository.series import find_commit

PROJECT = "metaflow"
# The first release that imports on Python 3.11 with current setuptools.
OLDEST = Version("2.10.4")


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


def is_supported(version: Version) -> bool:
    """Return whether this suite measures a version: a final one that is not too old."""
    return version >= OLDEST and not (version.is_prerelease or version.is_postrelease)


def releases_on_main(upstream: Path) -> dict[str, str]:
    """Return the day of each release on branch main, by version, oldest first.

    A clone of metaflow may lack the newest of the list, or have newer ones. Its other tags are left
    out.
    """
    find_commit(upstream, "main")
    options = ["--merged", "main", "--format=%(refname:strip=2) %(creatordate:short)"]
    found = {}
    for line in git(upstream, "tag", "--list", *options).splitlines():
        tag, day = line.split()
        with suppress(InvalidVersion):
            if is_supported(version := Version(tag)):
                found[version] = tag, day
    return {tag: day for _, (tag, day) in sorted(found.items())}


def minor_of(version: str) -> str:
    """Return the minor version of a release: 2.19 of 2.19.3."""
    return ".".join(version.split(".")[:2])


def minor_releases(upstream: Path) -> list[str]:
    """Return the last release of each minor version on branch main, oldest first."""
    return list({minor_of(version): version for version in releases_on_main(upstream)}.values())


def is_cached(release: Release) -> bool:
    """Return whether the cache holds the release's sdist, whole."""
    if not release.sdist.exists():
        return False
    return hashlib.sha256(release.sdist.read_bytes()).hexdigest() == release.sha256
