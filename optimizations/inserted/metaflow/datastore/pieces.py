"""Bytes in pieces, as pickle writes them: joining them would copy what is large once more."""

import pickle
import sys
from bisect import bisect_right
from io import BytesIO, RawIOBase
from itertools import accumulate
from typing import Any, BinaryIO, Iterator, Optional, Sequence, Tuple, Union


class Pieces(RawIOBase):
    """A blob in pieces; also a file from which all of it is read, joined when that happens."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.pieces = pieces
        self._ends = list(accumulate(map(len, pieces)))
        self._joined: Optional[BinaryIO] = None

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __bytes__(self) -> bytes:
        return b"".join(self.pieces)

    def __getitem__(self, wanted: slice) -> bytes:
        return b"".join(self.views(*wanted.indices(len(self))[:2]))

    def views(self, start: int, end: int) -> Iterator[memoryview]:
        """Yield what lies between two places, without a copy."""
        number = bisect_right(self._ends, start)
        while start < end:
            before = self._ends[number - 1] if number else 0
            until = min(end, self._ends[number])
            yield memoryview(self.pieces[number])[start - before : until - before]
            start = until
            number += 1

    def window(self, start: int, size: int) -> Tuple[bytes, int, int]:
        """Return bytes, and from where to where what is asked for stands there."""
        number = bisect_right(self._ends, start)
        piece = self.pieces[number]
        first = start - (self._ends[number - 1] if number else 0)
        if first + size <= len(piece) and isinstance(piece, bytes):
            return piece, first, first + size
        joined = self[start : start + size]
        return joined, 0, len(joined)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, target: Any) -> Optional[int]:
        return self._file().readinto(target)  # type: ignore[attr-defined]

    def readall(self) -> bytes:
        return self._file().read()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file().seek(offset, whence)

    def tell(self) -> int:
        return self._file().tell()

    def _file(self) -> BinaryIO:
        if self._joined is None:
            joined = bytes(self)
            # In memory once: these are the pieces from now on.
            self.pieces, self._ends = [joined], [len(joined)]
            self._joined = BytesIO(joined)
        return self._joined


Blob = Union[bytes, Pieces]
# What is of these types holds no other object.
SINGLE = (bytes, str, int, float, bool, type(None))
# Below this size such a one is worth no list of pieces: to make it takes a part that shows.
SMALL = 64 * 1024


def pickled(obj: Any, protocol: int) -> Blob:
    """Pickle to the same bytes as `pickle.dumps`; large objects stay pieces of their own."""
    if type(obj) in SINGLE and sys.getsizeof(obj) < SMALL:
        return pickle.dumps(obj, protocol)
    pieces = _Written()
    pickle.Pickler(pieces, protocol).dump(obj)
    return pieces[0] if len(pieces) == 1 else Pieces(pieces)


def pieces_of(blob: Blob) -> Sequence[bytes]:
    """Return the pieces of a blob; those of bytes are themselves."""
    # By its very type: `isinstance` asks the abstract classes of files, and small blobs feel it.
    return blob.pieces if type(blob) is Pieces else [blob]  # type: ignore[list-item]


def as_file(blob: Blob) -> Any:
    """Return a file that holds the blob."""
    return blob if type(blob) is Pieces else BytesIO(blob)  # type: ignore[arg-type]


def content_of(file: Any) -> Blob:
    """Return all that a file holds."""
    return file if type(file) is Pieces else file.read()


def hexdigest(algorithm: Any, blob: Blob) -> str:
    """Return the digest of a blob by an algorithm of hashlib."""
    digest = algorithm()
    for piece in pieces_of(blob):
        digest.update(piece)
    return digest.hexdigest()


class _Written(list):
    write = list.append
