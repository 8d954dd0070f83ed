"""Large arrays of numpy, copied into huge pages where pickle would copy them into small ones."""

# metaflow supports Python 3.8: the older spelling of types.
# ruff: noqa: SIM105, UP006, UP035, UP045
import copyreg
import mmap
import pickle
import struct
import sys
from functools import partial
from typing import Any, Dict, List, Optional

from .advised_memory import HUGE

# What is smaller leaves too much of a huge page empty for it to pay.
SMALLEST = 512 * 1024
# Addresses for several arrays, one behind the other: what is not written to takes no memory.
SHARED = 16 * 1024 * 1024
# pickle writes bytes of this size as a piece of their own, behind opcode and length.
PLACEHOLDER = 64 * 1024
HEADER = struct.pack("<cI", pickle.BINBYTES, PLACEHOLDER)
UNKNOWN = "pickle wrote a large array in an unknown way"
# Before this one, pickle writes bytes in another way.
PROTOCOL = 4


def dump(obj: Any, pieces: List[Any], protocol: int) -> None:
    """Append what pickle writes of an object to a list with a method `write`."""
    # Not there while numpy is being loaded in another thread.
    array = getattr(sys.modules.get("numpy"), "ndarray", None)
    pickler = pickle.Pickler(pieces, protocol)  # type: ignore[arg-type]
    if (
        protocol != PROTOCOL
        or array is None
        or array in copyreg.dispatch_table
        or not hasattr(mmap, "MADV_HUGEPAGE")
    ):
        pickler.dump(obj)
        return
    copies: Dict[int, Any] = {}
    room = [memoryview(b"")]
    reduced = partial(_reduced, copies=copies, room=room)
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


def _reduced(array: Any, copies: Dict[int, Any], room: List[memoryview]) -> Any:
    """Say what pickle is to write of an array: a placeholder where a large one's copy goes."""
    if array.nbytes < SMALLEST:
        # First, for there may be many.
        return array.__reduce__()
    simple = array.ndim and array.flags.c_contiguous and not array.dtype.hasobject
    copy = _copy(array, room) if simple else None
    if copy is None:
        return array.__reduce__()
    rebuild, arguments, (version, _, dtype, in_columns, _) = array[:0].__reduce__()
    placeholder = bytes(PLACEHOLDER)
    # Held on to, for an id is its own as long as it lives.
    copies[id(placeholder)] = placeholder, copy
    return rebuild, arguments, (version, array.shape, dtype, in_columns, placeholder)


def _copy(array: Any, room: List[memoryview]) -> Optional[memoryview]:
    """Copy an array to where room is left, or to new memory; None if there is none."""
    size = array.nbytes
    if len(room[0]) < size:
        try:
            room[0] = _advised_memory(max(size, SHARED), type(array))
        except OSError:
            # No memory left: pickle says so in its own way.
            return None
    view, room[0] = room[0][:size], room[0][size:]
    view[:] = memoryview(array.reshape(-1).view("u1"))
    return view


def _advised_memory(size: int, array: Any) -> memoryview:
    """Return memory that begins where a huge page can."""
    memory = mmap.mmap(-1, size + HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        # A system without them: it is advice, and nothing needs it.
        pass
    start = -array(1, "u1", memory).__array_interface__["data"][0] % HUGE
    return memoryview(memory)[start:]


def _with_length(piece: bytes, length: int) -> bytes:
    """Return a piece that ends in the length of what follows, with another length."""
    if not piece.endswith(HEADER):
        raise pickle.PicklingError(UNKNOWN)
    if length < 2**32:
        return piece[: -len(HEADER)] + struct.pack("<cI", pickle.BINBYTES, length)
    return piece[: -len(HEADER)] + struct.pack("<cQ", pickle.BINBYTES8, length)
