"""The package registry: which releases there are, and their sdists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from datetime import timezone
from pathlib import Path

import requests
from packaging.utils import InvalidSdistFilename, parse_sdist_filename
from packaging.version import InvalidVersion, Version
from pypi_simple import DistributionPackage, NoSuchProjectError, PyPISimple
from pypi_simple.errors import (
    DigestMismatchError,
    UnsupportedContentTypeError,
    UnsupportedRepoVersionError,
)

from scripts.errors import Failure
from scripts.files import replaced, write_text
from scripts.paths import RELEASES
from scripts.progress import progress_bar
from scripts.releases import PROJECT, Release, is_cached, load

# The first release that imports on Python 3.11 with current setuptools.
OLDEST = Version("2.10.4")
DOWNLOADS_AT_ONCE = 8
SECONDS_TO_WAIT = 20
# What some proxies and log-in pages answer in a registry's place.
NO_REGISTRY = (UnsupportedContentTypeError, UnsupportedRepoVersionError)


def update(path: Path = RELEASES) -> list[Release]:
    """Extend the committed list with the releases that are new.

    Parameters
    ----------
    path : pathlib.Path
        The list's file; entries that stand in it are never changed.

    Returns
    -------
    list of Release
        The new ones, oldest first.
    """
    known = load(path) if path.exists() else []
    newest = Version(known[-1].version) if known else None
    new = [
        describe(package)
        for version, package in sorted(published_sdists().items())
        # What is listed stays: a yanked release is still there for those who name it.
        if (newest is None or version > newest) and not package.is_yanked
    ]
    if new:
        entries = [asdict(release) for release in known + new]
        write_text(path, json.dumps({"releases": entries}, indent=1) + "\n")
    return new


def describe(package: DistributionPackage) -> Release:
    """Turn the registry's entry of an sdist into a record."""
    if package.version is None or package.upload_time is None or "sha256" not in package.digests:
        raise Failure(f"the registry says too little about {package.filename}; try again later")
    uploaded = package.upload_time.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Release(package.version, uploaded, package.digests["sha256"])


def published_sdists() -> dict[Version, DistributionPackage]:
    """Ask the registry for the sdists of all final releases from the oldest supported one on."""
    try:
        with PyPISimple() as client:
            packages = client.get_project_page(PROJECT, timeout=SECONDS_TO_WAIT).packages
    except (requests.RequestException, NoSuchProjectError, *NO_REGISTRY):
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
        final = not (version.is_prerelease or version.is_postrelease)
        if final and version >= OLDEST:
            found[version] = package
    return found


def fetch(releases: Sequence[Release]) -> None:
    """Download the sdists that the cache lacks, several at once, with a progress bar.

    Parameters
    ----------
    releases : sequence of Release
        Their sdists are in the cache, with the right checksum, when this returns.
    """
    missing = [release for release in releases if not is_cached(release)]
    if not missing:
        return
    packages = published_sdists()
    pool = ThreadPoolExecutor(DOWNLOADS_AT_ONCE)
    with progress_bar() as progress:
        task = progress.add_task("downloading sdists", total=len(missing))
        jobs = [
            pool.submit(download, release, packages.get(Version(release.version)))
            for release in missing
        ]
        try:
            for job in as_completed(jobs):
                job.result()
                progress.advance(task)
        finally:
            # What has arrived stays in the cache: the next run goes on from there.
            pool.shutdown(wait=False, cancel_futures=True)


def download(release: Release, package: DistributionPackage | None) -> None:
    """Bring one sdist into the cache, checked against the committed checksum."""
    if package is None:
        raise Failure(f"metaflow {release.version} is no longer on the registry; nothing changed")
    try:
        with PyPISimple() as client, replaced(release.sdist) as beside:
            client.download_package(package, beside, timeout=SECONDS_TO_WAIT)
            if hashlib.sha256(beside.read_bytes()).hexdigest() != release.sha256:
                raise Failure(
                    f"metaflow {release.version}: the sdist's sha256 is not the one in "
                    "scripts/releases.json; do not use it, and report this"
                )
    except (requests.RequestException, DigestMismatchError) as problem:
        raise Failure(
            f"metaflow {release.version} did not arrive ({type(problem).__name__}); "
            "check the network and run the same command again"
        ) from None
