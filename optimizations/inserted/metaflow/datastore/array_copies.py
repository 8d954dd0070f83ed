"""Large arrays of numpy, copied into huge pages where pickle would copy them into small ones."""

import copyreg
import mmap
import pickle
import struct
import sys
from functools import partial
from typing import Any, Dict, List, Optional

from .advised_memory import HUGE, LARGE

# pickle writes bytes of this size as a piece of their own, behind opcode and length.
PLACEHOLDER = 64 * 1024
HEADER = struct.pack("<cI", pickle.BINBYTES, PLACEHOLDER)
UNKNOWN = "pickle wrote a large array in an unknown way"
# Before this one, pickle writes bytes in another way.
PROTOCOL = 4


def dump(obj: Any, pieces: List[Any], protocol: int) -> None:
    """Append what pickle writes of an object to a list with a method `write`."""
    pickler = pickle.Pickler(pieces, protocol)  # type: ignore[arg-type]
    # Not there while numpy is being loaded in another thread.
    array = getattr(sys.modules.get("numpy"), "ndarray", None)
    if (
        protocol != PROTOCOL
        or array is None
        or array in copyreg.dispatch_table
        or not hasattr(mmap, "MADV_HUGEPAGE")
    ):
        pickler.dump(obj)
        return
    copies: Dict[int, Any] = {}
    reduced = partial(_reduced, copies=copies)
    pickler.dispatch_table = {**copyreg.dispatch_table, array: reduced}
    pickler.dump(obj)
    placed = 0
    for number, piece in enumerate(pieces):
        if id(piece) in copies:
            _, copy = copies[id(piece)]
            pieces[number - 1] = _with_length(bytes(pieces[number - 1]), len(copy))
            pieces[number] = copy
            placed += 1
    if placed != len(copies):
        raise pickle.PicklingError(UNKNOWN)


def _reduced(array: Any, copies: Dict[int, Any]) -> Any:
    """Say what pickle is to write of an array: a placeholder where a large one's copy goes."""
    if array.nbytes < LARGE:
        # First, for there may be many.
        return array.__reduce__()
    simple = array.ndim and array.flags.c_contiguous and not array.dtype.hasobject
    copy = _copy(array) if simple else None
    if copy is None:
        return array.__reduce__()
    rebuild, arguments, (version, _, dtype, in_columns, _) = array[:0].__reduce__()
    placeholder = bytes(PLACEHOLDER)
    # Held on to, for an id is its own as long as it lives.
    copies[id(placeholder)] = placeholder, copy
    return rebuild, arguments, (version, array.shape, dtype, in_columns, placeholder)


def _copy(array: Any) -> Optional[memoryview]:
    try:
        private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        memory = mmap.mmap(-1, array.nbytes + HUGE, flags=private)
    except OSError:
        # No memory left: pickle says so in its own way.
        return None
    try:
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        # A system without them: it is advice, and nothing needs it.
        pass
    # From where a huge page can begin: what lies before is not touched.
    start = -type(array)(1, "u1", memory).__array_interface__["data"][0] % HUGE
    view = memoryview(memory)[start : start + array.nbytes]
    view[:] = memoryview(array.reshape(-1).view("u1"))
    return view


def _with_length(piece: bytes, length: int) -> bytes:
    """Return a piece that ends in the length of what follows, with another length."""
    if not piece.endswith(HEADER):
        raise pickle.PicklingError(UNKNOWN)
    if length < 2**32:
        return piece[: -len(HEADER)] + struct.pack("<cI", pickle.BINBYTES, length)
    return piece[: -len(HEADER)] + struct.pack("<cQ", pickle.BINBYTES8, length)
