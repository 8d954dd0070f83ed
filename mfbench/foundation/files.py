"""Writing files so that an interruption never leaves half of one, and reading JSON objects."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mfbench.foundation.errors import Failure


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path`; rename it to `path` if the block succeeds.

    The folder is made if it is missing. If the block raises, `path` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes files that only their owner can read.
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def locked(path: Path, complaint: str) -> Iterator[None]:
    """Hold a lock during the block; raise Failure with `complaint` where somebody holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure(complaint) from None
        yield


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object, or say what is there instead."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as problem:
        raise Failure(f"no JSON ({problem})") from None
    if not isinstance(read, dict):
        raise Failure("no JSON object")
    return read
