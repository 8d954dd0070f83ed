"""Importing released sdists as commits, through ``git fast-import``."""

from __future__ import annotations

import gzip
import io
import re
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import command, environment, reason
from mfbench.foundation.progress import progress_bar
from mfbench.repository.commits import file_change, header
from mfbench.repository.releases import Release

# Not a branch: what is checked out must change only when everything has arrived.
INCOMING = "refs/metaflow-benchmarks/incoming"
# Files that the build of an sdist writes beside those of the source.
BUILD_METADATA = re.compile(r"(^|/)PKG-INFO$|\.egg-info(/|$)")


def import_sdists(repository: Path, releases: Sequence[Release], parent: str | None) -> None:
    """Write a tagged commit for each release, the first on `parent`; INCOMING points to the last.

    git keeps nothing unless it has accepted all of them.
    """
    importer = command(repository, "fast-import", "--quiet", "--done", "--force")
    with (
        subprocess.Popen(
            importer,
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            start_new_session=True,
        ) as process,
        progress_bar() as progress,
    ):
        assert process.stdin is not None
        steps = progress.track(releases, description="importing releases ")
        try:
            for number, release in enumerate(steps, start=1):
                process.stdin.write(commit_of_release(release, number, parent))
                parent = f":{number}"
            process.stdin.write(b"done\n")
        except BrokenPipeError:
            # git has ended and says why.
            pass
        except BaseException:
            process.kill()
            raise
        _, said = process.communicate()
    if process.returncode != 0:
        raise Failure(f"git fast-import refused the releases ({reason(said)}); run again")


def commit_of_release(release: Release, mark: int, parent: str | None) -> bytes:
    """Return the commit and the tag of a release as ``git fast-import`` reads them."""
    version = release.version
    message = f"metaflow {version}\n\nAs released: the sdist with sha256\n{release.sha256}.\n"
    changes = [file_change(mode, path, content) for path, mode, content in files_of(release)]
    start = header(INCOMING, mark, parent, message, release.timestamp)
    tag = f"reset refs/tags/{version}\nfrom :{mark}\n\n".encode()
    return b"".join([start, b"deleteall\n", *changes, tag])


def files_of(release: Release) -> list[tuple[str, str, bytes]]:
    """Return path, git mode and content of a release's files, without what its build added."""
    found = []
    # Unpacked at once, because tarfile's streaming takes twice as long.
    content = io.BytesIO(gzip.decompress(release.sdist.read_bytes()))
    with tarfile.open(fileobj=content) as archive:
        for member in archive:
            path = member.name.partition("/")[2]
            if member.isfile() and not BUILD_METADATA.search(path):
                opened = archive.extractfile(member)
                assert opened is not None
                mode = "100755" if member.mode & 0o100 else "100644"
                found.append((path, mode, opened.read()))
    return found
