"""Writing files so that an interruption never leaves half of one, and reading JSON objects."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.errors import Failure


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to, and rename it over `path` on success.

    Parameters
    ----------
    path : pathlib.Path
        The file to write or replace; its folder is made if missing.

    Yields
    ------
    pathlib.Path
        An empty file in the same folder; removed if the block raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    beside = Path(name)
    try:
        yield beside
        # mkstemp makes files that only their owner can read.
        beside.chmod(0o644)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` to `path`, whole or not at all.

    Parameters
    ----------
    path : pathlib.Path
        The file to write or replace.
    text : str
        Its new content.
    """
    with replaced(path) as beside:
        beside.write_text(text, encoding="utf-8")


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object, or say what is there instead."""
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as problem:
        raise Failure(f"no JSON ({problem})") from None
    if not isinstance(read, dict):
        raise Failure("no JSON object")
    return read
