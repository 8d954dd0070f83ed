"""The package registry: which releases there are, and their sdists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timezone
from pathlib import Path

import requests
from packaging.utils import InvalidSdistFilename, parse_sdist_filename
from packaging.version import InvalidVersion, Version
from pypi_simple import DistributionPackage, NoSuchProjectError, PyPISimple
from pypi_simple.errors import DigestMismatchError, UnsupportedContentTypeError

from mfbench.foundation.errors import Failure
from mfbench.foundation.files import atomic_write, write_text
from mfbench.foundation.paths import RELEASES
from mfbench.foundation.progress import progress_bar
from mfbench.repository.releases import PROJECT, Release, is_cached, is_supported, load

DOWNLOADS_AT_ONCE = 8
SECONDS_TO_WAIT = 20


def update(path: Path = RELEASES) -> list[Release]:
    """Add new releases to the committed list and return them; what is listed never changes."""
    known = load(path)
    newest = Version(known[-1].version)
    new = [
        describe(package)
        for version, package in sorted(published_sdists().items())
        # A listed release that is yanked later stays: people can still install it by name.
        if version > newest and not package.is_yanked
    ]
    if new:
        entries = [asdict(release) for release in known + new]
        write_text(path, json.dumps({"releases": entries}, indent=1) + "\n")
    return new


def describe(package: DistributionPackage) -> Release:
    """Return the record of an sdist that the registry lists."""
    if package.version is None or package.upload_time is None or "sha256" not in package.digests:
        raise Failure(f"the registry says too little about {package.filename}; try again later")
    uploaded = package.upload_time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Release(package.version, uploaded, package.digests["sha256"])


def published_sdists() -> dict[Version, DistributionPackage]:
    """Ask the registry for the sdists of all final releases from the oldest supported one on."""
    try:
        with PyPISimple() as client:
            packages = client.get_project_page(PROJECT, timeout=SECONDS_TO_WAIT).packages
    # A content type is unsupported when a proxy or a log-in page answers in a registry's place.
    except (requests.RequestException, NoSuchProjectError, UnsupportedContentTypeError):
        raise Failure(
            "metaflow's releases can't be listed: no package registry answers; "
            "check the network and run the same command again"
        ) from None
    found = {}
    for package in packages:
        try:
            _, version = parse_sdist_filename(package.filename)
        except (InvalidSdistFilename, InvalidVersion):
            continue
        if is_supported(version):
            found[version] = package
    return found


def fetch(releases: Sequence[Release]) -> None:
    """Download the sdists that the cache lacks, and check their sums; show a progress bar."""
    missing = [release for release in releases if not is_cached(release)]
    if not missing:
        return
    packages = published_sdists()
    found = [packages.get(Version(release.version)) for release in missing]
    # Finished downloads stay in the cache, so the next run continues from there.
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool, progress_bar() as progress:
        jobs = pool.map(download, missing, found)
        for _ in progress.track(jobs, total=len(missing), description="downloading sdists"):
            pass


def download(release: Release, package: DistributionPackage | None) -> None:
    """Download one sdist into the cache and check it against the committed checksum."""
    if package is None:
        raise Failure(f"metaflow {release.version} is no longer on the registry; nothing changed")
    try:
        with PyPISimple() as client, atomic_write(release.sdist) as temporary:
            client.download_package(package, temporary, timeout=SECONDS_TO_WAIT)
            if hashlib.sha256(temporary.read_bytes()).hexdigest() != release.sha256:
                raise Failure(
                    f"metaflow {release.version}: the sdist's sha256 is not the one in "
                    "mfbench/repository/releases.json; do not use it, and report this"
                )
    except (requests.RequestException, DigestMismatchError) as problem:
        raise Failure(
            f"metaflow {release.version} did not arrive ({type(problem).__name__}); "
            "check the network and run the same command again"
        ) from None
