"""Memory that is about to be filled, and in how large pages the system is to give it."""

import mmap
import os
import sys
from functools import lru_cache
from io import BufferedReader, RawIOBase
from typing import Any, Optional

# What is smaller gains nothing. numpy asks for its arrays from here on, too.
LARGE = 4 * 1024 * 1024
# A huge page, of a system with pages of 4 KB: it begins at a multiple of its size.
HUGE = 2 * 1024 * 1024
BUFFERED = 64 * 1024
# When memory is advised, its first pages are in use already: bytes' header is written, and what was
# read ahead. It may begin a page earlier or later than is thought, or two.
TOUCHED = BUFFERED + 3 * mmap.PAGESIZE
# What Python and malloc add to bytes.
HEADERS = 64


class _Advised(RawIOBase):
    def __init__(self, file: BufferedReader, above: Optional[mmap.mmap] = None) -> None:
        self._file = file
        self._above = above

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        if len(target) >= LARGE:
            self._above = None
            _ask_for_huge_pages(target)
        return self._file.readinto(target)


def advised(file: BufferedReader) -> BufferedReader:
    """Return a file that reads what is large into huge pages, where the system has them."""
    if not hasattr(mmap, "MADV_HUGEPAGE"):
        return file
    try:
        size = os.fstat(file.fileno()).st_size
    except OSError:
        # It decompresses, and tells no size.
        return BufferedReader(_Advised(file), BUFFERED)
    if size < LARGE:
        return file
    return BufferedReader(_Advised(file, _room_above(size)), BUFFERED)


def _room_above(size: int) -> Optional[mmap.mmap]:
    """Take addresses, and no memory, so that a huge page begins where bytes to be made need it.

    The system places what malloc asks it for below what it placed last, as it places what is as
    large here: else one huge page of three or four is lost by chance.
    """
    if "ctypes" not in sys.modules:
        return None
    length = -(-(size + HEADERS) // mmap.PAGESIZE) * mmap.PAGESIZE
    try:
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        with mmap.mmap(-1, length, flags=private) as memory:
            beyond = (_address(memory) - length + TOUCHED) % HUGE
        if (length + beyond) % HUGE == 0:
            # The kernel would place that where a huge page can begin.
            beyond += mmap.PAGESIZE
        # As large as the bytes, for smaller room might be found elsewhere.
        return mmap.mmap(-1, length + beyond, flags=private, prot=0)
    except Exception:
        # As below.
        return None


def _address(target: Any) -> int:
    # It takes longer to load than it saves once; who loads numpy has loaded it.
    ctypes = sys.modules["ctypes"]
    return int(ctypes.addressof(ctypes.c_char.from_buffer(target)))


def _ask_for_huge_pages(target: Any) -> None:
    try:
        start = _address(target)
        first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
        _madvise(sys.modules["ctypes"])(first, start + len(target) - first, mmap.MADV_HUGEPAGE)
    except Exception:
        # No ctypes, no such call or no such pages: it is advice, and nothing needs it.
        pass


@lru_cache(maxsize=None)
def _madvise(ctypes: Any) -> Any:
    # Of what is loaded already, and not the one that other code may have given types.
    function = ctypes.pythonapi["madvise"]
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return function
