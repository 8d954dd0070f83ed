"""Released sdists as a stream of commits for ``git fast-import``."""

from __future__ import annotations

import gzip
import hashlib
import io
import signal
import tarfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import IO

from scripts.errors import Failure
from scripts.git_command import IDENTITY, before_interrupts
from scripts.releases import Release

# Not a branch: what is checked out changes only when everything has arrived.
INCOMING = "refs/metaflow-benchmarks/incoming"
# Marks below this number are commits', those above it are blobs'.
FIRST_BLOB_MARK = 1_000_000
READ_AT_ONCE = 16
ON_CTRL_C = (signal.SIGINT, signal.SIG_IGN)

# Path, git mode and content of each file of a release.
Files = list[tuple[str, bytes, bytes]]


def write_stream(
    stream: IO[bytes], releases: Sequence[Release], parent: str | None
) -> Iterator[Release]:
    """Write one commit a release, each with its tag; INCOMING names the last.

    Parameters
    ----------
    stream : binary file
        Where ``git fast-import`` reads.
    releases : sequence of Release
        In the order of the commits; their sdists are in the cache.
    parent : str or None
        The commit that the first release stands on.

    Yields
    ------
    Release
        Each release once it is written, to show progress.
    """
    marks: dict[bytes, int] = {}
    for number, (release, files) in enumerate(read_ahead(releases), start=1):
        tree = [(mode, blob_mark(stream, content, marks), path) for path, mode, content in files]
        write_commit(stream, release, number, parent)
        parent = f":{number}"
        for mode, mark, path in tree:
            stream.write(b"M %s :%d %s\n" % (mode, mark, path.encode()))
        stream.write(b"reset refs/tags/%s\nfrom :%d\n\n" % (release.version.encode(), number))
        yield release
    stream.write(b"done\n")


def read_ahead(releases: Sequence[Release]) -> Iterator[tuple[Release, Files]]:
    """Unpack releases on all cores, a few at a time, and give them in order."""
    # Ctrl-C reaches every process of a terminal; this one ends the others, who have no say.
    with ProcessPoolExecutor(initializer=signal.signal, initargs=ON_CTRL_C) as pool:
        with before_interrupts():
            # The first task forks them all.
            pool.submit(int).result()
        for start in range(0, len(releases), READ_AT_ONCE):
            some = releases[start : start + READ_AT_ONCE]
            yield from zip(some, pool.map(files_of, some))


def write_commit(stream: IO[bytes], release: Release, number: int, parent: str | None) -> None:
    """Write the head of one commit, up to the list of its files."""
    message = (
        f"metaflow {release.version}\n\nAs released: the sdist with sha256\n{release.sha256}.\n"
    ).encode()
    signature = f"{IDENTITY} {release.timestamp} +0000".encode()
    stream.write(b"commit %s\nmark :%d\n" % (INCOMING.encode(), number))
    stream.write(b"author %s\ncommitter %s\n" % (signature, signature))
    stream.write(b"data %d\n%s\n" % (len(message), message))
    if parent is not None:
        stream.write(b"from %s\n" % parent.encode())
    stream.write(b"deleteall\n")


def blob_mark(stream: IO[bytes], content: bytes, marks: dict[bytes, int]) -> int:
    """Write a file's content unless an earlier release had it, and return its mark."""
    digest = hashlib.sha256(content).digest()
    if digest not in marks:
        marks[digest] = FIRST_BLOB_MARK + len(marks)
        stream.write(b"blob\nmark :%d\ndata %d\n%s\n" % (marks[digest], len(content), content))
    return marks[digest]


def files_of(release: Release) -> Files:
    """Read a release's files: path, git mode and content, sorted by path.

    ``PKG-INFO`` and ``*.egg-info`` are left out: the build tools of the day wrote them.
    """
    found = []
    try:
        # Unpacked in one go: tarfile's own streaming takes twice as long.
        content = io.BytesIO(gzip.decompress(release.sdist.read_bytes()))
        with tarfile.open(fileobj=content) as archive:
            for member in archive:
                path = member.name.partition("/")[2]
                if not member.isfile() or is_build_metadata(path):
                    continue
                opened = archive.extractfile(member)
                assert opened is not None
                mode = b"100755" if member.mode & 0o100 else b"100644"
                found.append((path, mode, opened.read()))
    except (tarfile.TarError, EOFError, OSError) as problem:
        raise Failure(
            f"the sdist of metaflow {release.version} is unreadable ({problem}); "
            f"delete {release.sdist.name} from the cache and run again"
        ) from None
    return sorted(found)


def is_build_metadata(path: str) -> bool:
    """Tell whether a file of an sdist was written by the build, not by metaflow's people."""
    parts = path.split("/")
    return parts[-1] == "PKG-INFO" or any(part.endswith(".egg-info") for part in parts)
