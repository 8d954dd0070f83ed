"""Memory that is about to be filled, and in how large pages the system is to give it."""

# metaflow supports Python 3.8.
# ruff: noqa: UP033
import mmap
import os
import sys
from functools import lru_cache
from io import BufferedReader, RawIOBase
from typing import Any

# What is smaller gains nothing. numpy asks for its arrays from here on, too.
LARGE = 4 * 1024 * 1024
BUFFERED = 64 * 1024


class _Advised(RawIOBase):
    def __init__(self, file: BufferedReader) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if len(target) >= LARGE:
            _ask_for_huge_pages(target)
        return self._file.readinto(target)


def advised(file: BufferedReader) -> BufferedReader:
    """Return a file that reads what is large into huge pages, where the system has them."""
    try:
        if os.fstat(file.fileno()).st_size < LARGE:
            return file
    except OSError:
        # It decompresses, and tells no size.
        pass
    return BufferedReader(_Advised(file), BUFFERED)


def _ask_for_huge_pages(target: Any) -> None:
    # It takes longer to load than it saves once; who loads numpy has loaded it.
    ctypes = sys.modules.get("ctypes")
    try:
        start = ctypes.addressof(ctypes.c_char.from_buffer(target))  # type: ignore[union-attr]
        first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
        _madvise(ctypes)(first, start + len(target) - first, mmap.MADV_HUGEPAGE)
    except Exception:
        # No ctypes, no such call or no such pages: it is advice, and nothing needs it.
        pass


@lru_cache(maxsize=None)
def _madvise(ctypes: Any) -> Any:
    # Of what is loaded already, and not the one that other code may have given types.
    function = ctypes.pythonapi["madvise"]
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return function
