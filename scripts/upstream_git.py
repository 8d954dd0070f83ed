"""Reading and writing the repository under test without touching its work tree or its index."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import Failure
from scripts.git_command import IDENTITY, command, environment, git, git_bytes

EMAIL = IDENTITY.rstrip(">").partition(" <")[2]
# fast-import writes no commit without a ref, though this one is not to remain.
NOWHERE = "refs/metaflow-benchmarks/series"


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


@dataclass(frozen=True)
class NewCommit:
    """A commit to write: its text, new texts of files by path, and seconds since 1970, UTC."""

    message: str
    changes: Mapping[str, str]
    seconds: int


@contextmanager
def blob_reader(repository: Path) -> Iterator[Callable[[str], str]]:
    """Give a function that reads the text of a blob, from one git process for all of them."""
    texts: dict[str, str] = {}
    with subprocess.Popen(
        command(repository, "cat-file", "--batch"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment(),
        # Out of reach of Ctrl-C: it ends when its input does, and breaks no pipe before.
        start_new_session=True,
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


def write_commits(repository: Path, base: str, commits: Sequence[NewCommit]) -> list[str]:
    """Write commits by the project's identity, each on top of the one before.

    One process of git for all of them, for a process for each file takes half a second a commit.

    Parameters
    ----------
    repository : pathlib.Path
        Where to; no branch, no index and no file of the work tree changes.
    base : str
        Hash of the commit below the first.
    commits : sequence of NewCommit
        In their order.

    Returns
    -------
    list of str
        Their hashes.
    """
    present = files_of(repository, base)
    stream, parent = [], base
    for number, commit in enumerate(commits, start=1):
        who = f"{IDENTITY} {commit.seconds} +0000"
        stream += [f"commit {NOWHERE}\nmark :{number}\nauthor {who}\ncommitter {who}\n".encode()]
        stream += [data(commit.message), f"from {parent}\n".encode()]
        for path, text in commit.changes.items():
            mode = present[path].mode if path in present else "100644"
            stream += [f"M {mode} inline {path}\n".encode(), data(text)]
        stream.append(f"\nget-mark :{number}\n".encode())
        parent = f":{number}"
    # The ref is gone before it is written.
    stream.append(f"reset {NOWHERE}\nfrom {'0' * len(base)}\n\ndone\n".encode())
    options = ["--quiet", "--done", "--force", "--cat-blob-fd=1"]
    return git_bytes(repository, "fast-import", *options, stdin=b"".join(stream)).decode().split()


def data(text: str) -> bytes:
    """Return a text as ``git fast-import`` reads it."""
    content = text.encode()
    return b"data %d\n%s\n" % (len(content), content)
