"""A compressed blob as a file: what is read is decompressed right to where it is wanted."""

import struct
from io import SEEK_END, BufferedReader, RawIOBase
from typing import Any, BinaryIO, Optional, Type

from .blob_compression import _library

# What is smaller is decompressed as a whole as fast.
SMALL = 512 * 1024
# Few enough bytes to be handled in memory that is there already.
AT_ONCE = 64 * 1024
# Deflate makes nothing smaller than by this factor.
HIGHEST_RATIO = 1032


class _Inflating(RawIOBase):
    def __init__(self, file: BinaryIO, name: str, error: Type[Exception]) -> None:
        self._file = file
        self._name = name
        self._error = error
        self._member: Any = _library().decompressobj(31)
        self._packed = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, target: Any) -> int:
        try:
            return self._inflate(target)
        except Exception as problem:
            raise self._error(
                "Could not unpack artifact '%s': %s" % (self._name, problem)  # noqa: UP031
            ) from problem

    def _inflate(self, target: Any) -> int:
        while not self._ended:
            if self._member.eof:
                self._begin_next_member()
                continue
            packed = self._packed or self._file.read(AT_ONCE)
            data = self._member.decompress(packed, min(len(target), AT_ONCE))
            self._packed = self._member.unconsumed_tail
            if data:
                target[: len(data)] = data
                return len(data)
            if not (packed or self._member.eof):
                raise EOFError("the compressed file ended before its end was reached")
        return 0

    def _begin_next_member(self) -> None:
        # Between members, and behind the last, zeros may stand.
        self._packed = self._member.unused_data.lstrip(b"\0")
        while not self._packed and not self._ended:
            more = self._file.read(AT_ONCE)
            self._packed = more.lstrip(b"\0")
            self._ended = not more
        self._member = _library().decompressobj(31)


def inflating(file: BinaryIO, name: str, error: Type[Exception]) -> Optional[BufferedReader]:
    """Return a file of what a large compressed blob holds; None if it is not large.

    What can't be decompressed raises `error`, which tells the name.
    """
    length = file.seek(0, SEEK_END)
    size = 0
    if length * HIGHEST_RATIO >= SMALL:
        file.seek(-4, SEEK_END)
        size = struct.unpack("<I", file.read(4))[0]
    file.seek(0)
    return BufferedReader(_Inflating(file, name, error), AT_ONCE) if size >= SMALL else None
