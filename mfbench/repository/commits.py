"""Reading and writing commits without touching the work tree, the index or a branch."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mfbench.foundation.git_command import IDENTITY, git, git_bytes

# fast-import writes no commit without a ref; this one is removed in the same run.
TEMPORARY_REF = "refs/metaflow-benchmarks/series"


@dataclass(frozen=True)
class NewCommit:
    """A commit to write: its message, new texts of files by path, and seconds since 1970, UTC."""

    message: str
    changes: Mapping[str, str]
    seconds: int


def list_files(repository: Path, revision: str) -> dict[str, tuple[str, str]]:
    """Return the git mode and the blob of each regular file of a revision, by path."""
    listing = git(repository, "ls-tree", "-r", "-z", revision)
    found = re.findall(r"(100\d+) blob (\w+)\t([^\0]+)", listing)
    return {path: (mode, blob) for mode, blob, path in found}


def read_python_files(repository: Path, revision: str) -> dict[str, str]:
    """Return the text of each Python file of a revision, by path."""
    files = list_files(repository, revision)
    blobs = {path: blob for path, (_, blob) in files.items() if path.endswith(".py")}
    asked = "\n".join(blobs.values()).encode()
    answers = io.BytesIO(git_bytes(repository, "cat-file", "--batch", stdin=asked))
    texts = {}
    for path in blobs:
        # git answers "BLOB blob SIZE", a newline, the content and another newline.
        size = int(answers.readline().split()[2])
        texts[path] = answers.read(size + 1)[:-1].decode()
    return texts


def message_of(title: str, body: str, name: str) -> str:
    """Return an optimisation's message; its last line names the optimisation."""
    return "\n\n".join([title, body, f"Optimization: {name}\n"])


def write_commits(repository: Path, base: str, commits: Sequence[NewCommit]) -> list[str]:
    """Write commits, each on top of the one before, the first on `base`; return their hashes."""
    return write_stacks(repository, base, [commits])[0]


def write_stacks(
    repository: Path, base: str, stacks: Sequence[Sequence[NewCommit]]
) -> list[list[str]]:
    """Write several stacks of commits, each on `base`; return the hashes of each.

    One git process writes all of them: a process for each file would take half a second a commit.
    """
    present = list_files(repository, base)
    stream, mark = [], 0
    for stack in stacks:
        parent = base
        for commit in stack:
            mark += 1
            stream.append(header(TEMPORARY_REF, mark, parent, commit.message, commit.seconds))
            for path, text in commit.changes.items():
                mode = present[path][0] if path in present else "100644"
                stream.append(file_change(mode, path, text.encode()))
            stream.append(f"\nget-mark :{mark}\n".encode())
            parent = f":{mark}"
    hashes = iter(import_commits(repository, base, stream))
    return [[next(hashes) for _ in stack] for stack in stacks]


def import_commits(repository: Path, base: str, stream: Iterable[bytes]) -> list[str]:
    """Let ``git fast-import`` write commits on TEMPORARY_REF; return the marks' hashes."""
    end = f"reset {TEMPORARY_REF}\nfrom {'0' * len(base)}\n\ndone\n".encode()
    options = ["--quiet", "--done", "--force", "--cat-blob-fd=1"]
    return git(repository, "fast-import", *options, stdin=b"".join([*stream, end])).split()


def header(ref: str, mark: int, parent: str | None, message: str, seconds: int) -> bytes:
    """Return a commit as ``git fast-import`` reads it, up to its files."""
    person = signature(seconds)
    start = f"commit {ref}\nmark :{mark}\nauthor {person}\ncommitter {person}\n".encode()
    return start + data(message.encode()) + (f"from {parent}\n".encode() if parent else b"")


def file_change(mode: str, path: str, content: bytes) -> bytes:
    """Return a new or changed file of a commit as ``git fast-import`` reads it."""
    return f"M {mode} inline {path}\n".encode() + data(content)


def data(content: bytes) -> bytes:
    """Return a message or a content as ``git fast-import`` reads it."""
    return b"data %d\n%s\n" % (len(content), content)


def signature(seconds: int) -> str:
    """Return the author of our commits, and the time, as git stores them."""
    return f"{IDENTITY} {seconds} +0000"
