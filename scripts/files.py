"""Writing files so that an interruption never leaves half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
