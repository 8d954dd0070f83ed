"""Reading and writing the repository under test without touching its work tree or its index."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import Failure
from scripts.git_command import IDENTITY, command, environment, git, git_bytes

NAME, EMAIL = IDENTITY.rstrip(">").split(" <")


@dataclass(frozen=True)
class Entry:
    """A file of a revision: its mode and the hash of its content."""

    mode: str
    blob: str


def git_folder(repository: Path) -> Path:
    """Return the folder where git keeps what it knows of `repository`."""
    plain = repository / ".git"
    return plain if plain.is_dir() else Path(git(repository, "rev-parse", "--absolute-git-dir"))


def files_of(repository: Path, revision: str) -> dict[str, Entry]:
    """Return the regular files of a revision by path."""
    listing = git_bytes(repository, "ls-tree", "-r", "-z", revision).decode()
    entries = {}
    for line in listing.split("\0")[:-1]:
        description, path = line.split("\t", 1)
        mode, _, blob = description.split()
        if mode.startswith("100"):
            entries[path] = Entry(mode, blob)
    return entries


@contextmanager
def blob_reader(repository: Path) -> Iterator[Callable[[str], str]]:
    """Give a function that reads the text of a blob, from one git process for all of them."""
    texts: dict[str, str] = {}
    with subprocess.Popen(
        command(repository, "cat-file", "--batch"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
    ) as process:
        questions, answers = process.stdin, process.stdout
        assert questions is not None and answers is not None

        def read(blob: str) -> str:
            if blob not in texts:
                questions.write(f"{blob}\n".encode())
                questions.flush()
                header = answers.readline().split()
                if len(header) != 3:
                    raise Failure(f"{repository.name}/ lacks object {blob}; build it anew")
                texts[blob] = answers.read(int(header[2]) + 1)[:-1].decode()
            return texts[blob]

        yield read
        questions.close()


def write_commit(
    repository: Path, parent: str, message: str, changes: Mapping[str, str], seconds: int
) -> str:
    """Write a commit on top of `parent`, by the project's identity, and return its hash.

    Parameters
    ----------
    repository : pathlib.Path
        Where to; no branch, no index and no file of the work tree changes.
    parent : str
        Hash of the commit below.
    message : str
        Its text.
    changes : mapping of str to str
        New text of changed and added files by path.
    seconds : int
        When, in seconds since 1970, UTC.
    """
    tree = write_tree(repository, parent, changes)
    when = f"{seconds} +0000"
    who = {
        f"GIT_{role}_{field}": value
        for role in ("AUTHOR", "COMMITTER")
        for field, value in (("NAME", NAME), ("EMAIL", EMAIL), ("DATE", when))
    }
    arguments = ["commit-tree", tree, "-p", parent]
    written = git_bytes(repository, *arguments, stdin=message.encode(), variables=who)
    return written.decode().strip()


def write_tree(repository: Path, parent: str, changes: Mapping[str, str]) -> str:
    """Write the tree of `parent` with `changes` made, and return its hash."""
    if not changes:
        return git(repository, "rev-parse", f"{parent}^{{tree}}")
    present = files_of(repository, parent)
    lines = []
    for path, text in changes.items():
        mode = present[path].mode if path in present else "100644"
        blob = git_bytes(repository, "hash-object", "-w", "--stdin", stdin=text.encode())
        lines.append(f"{mode} {blob.decode().strip()}\t{path}\0")
    with tempfile.TemporaryDirectory() as folder:
        private = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git_bytes(repository, "read-tree", parent, variables=private)
        stdin = "".join(lines).encode()
        git_bytes(repository, "update-index", "-z", "--index-info", stdin=stdin, variables=private)
        return git_bytes(repository, "write-tree", variables=private).decode().strip()
