"""How a blob is stored: as it is where compression gains nothing, else as one gzip member.

Every release reads both. A few samples of the blob decide: noise is stored as it is, text and what
is large are compressed at a fast level where that is faster and the result little larger, and a
mixture gets a gzip member in which only the parts that gain something are compressed.
"""

import struct
import zlib
from itertools import chain
from typing import Any, List, NamedTuple, Optional, Tuple

from .compressible import (
    ACCIDENTS,
    CANDIDATES,
    HARDLY,
    NEAR,
    REACH,
    compressed_size,
    parts_of,
    places,
    repeating,
    slices_of,
)
from .pieces import Blob, Pieces, pieces_of

# Below this size all is compressed at the usual level: to look at it takes a part that shows.
TINY = 48 * 1024
# Below this size little can be looked at for it to pay.
SMALL = 64 * 1024
# How far a repeat is looked for there: to look further takes a part of the time that shows.
NEARBY = 4096
# Below this size it is tried whether compression gains something: few samples might miss it, and
# more of them take more than a tenth of the time.
TRIED = 640 * 1024
# What is compressed at both levels, to tell how they differ. What repeats far away shows in long
# samples only; text shows all of it in short ones.
SAMPLES = 4
SHORTEST_SAMPLE = 2048
LONGEST_SAMPLE = 64 * 1024
# A sample of text is one of so many parts of it, if that is not too short.
OF_TEXT = 96
# From this size on long ones of other content take less than a tenth of the time of all of it.
MEASURED = 1024 * 1024
# The level that metaflow has always used.
USUAL = 3
# What compresses to more than this gains little from a higher level.
POORLY = 0.80
# Nor is zlib's fastest level faster on text of which slices compress to more, as on base64.
POORLY_FOR_TEXT = 0.70
# What compresses to less than this does so quickly at any level.
HIGHLY = 0.25
# How much of a part is looked at for these.
SLICES = 8
SLICE = 256
NEEDLE = 32
# What is made of fewer different bytes than this compresses well.
FEW = 128
# Below these sizes a long look takes more than a tenth of the time where it finds that zlib's usual
# level is needed, and a short one comes first: at a part of the blob, in which numbers have a byte
# that stands near so often (by accident one does four times), and at so many numbers in it.
LONG_TO_COMPRESS = 192 * 1024
WITHOUT_NUMBERS = 160 * 1024
PART = 8192
OF_NUMBERS = 16
SOME_NUMBERS = 512
# How much larger the result of the fastest level may be. Text loses most, and is what people least
# mind to see grow a little.
ALLOWED = 1.06
ALLOWED_FOR_TEXT = 1.15

STORED_BLOCK = 65535
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
LAST_BLOCK = b"\x03\x00"


def pack(blob: Blob) -> Optional[Blob]:
    """Return the gzip member that stands for the blob; None where it is better stored as it is."""
    size = len(blob)
    if size < TINY:
        return _gzip(blob, USUAL)
    whole = Pieces(pieces_of(blob))
    if size < TRIED:
        level = USUAL if size < SMALL and _repeats_nearby(blob) else _level(whole)
        packed = _gzip(blob, level)
        return packed if len(packed) < _kept_below(level) * size else None
    parts = parts_of(whole)
    if not any(worth for _, _, worth in parts):
        return None
    levels = _levels(whole, parts)
    return _gzip(blob, levels[0]) if len(parts) == 1 else _mixed(whole, parts, levels)


def unpack(packed: bytes) -> Optional[bytes]:
    """Return the blob of a gzip member; None where it is not one member and nothing else."""
    library = _library()
    member = library.decompressobj(31)
    try:
        blob: bytes = member.decompress(packed)
    except library.error:
        return None
    return blob if member.eof and not member.unused_data else None


def _gzip(blob: Blob, level: int) -> Blob:
    compressor = _compressor(level, 31, b"")
    packed = [compressor.compress(piece) for piece in pieces_of(blob)]
    return Pieces([*packed, compressor.flush()])


def _compressor(level: int, wbits: int, before: bytes) -> Any:
    if before:
        # What lies before is within reach, as if it had been compressed in one go.
        return zlib.compressobj(level, zlib.DEFLATED, wbits, zdict=before)
    return zlib.compressobj(level, zlib.DEFLATED, wbits)


def _library() -> Any:
    return zlib


def _repeats_nearby(blob: Blob) -> bool:
    """Tell by one place, and not of text."""
    if not isinstance(blob, bytes):
        return False
    place = len(blob) // 3
    needle = blob[place : place + NEEDLE]
    return not _is_text(needle) and blob.find(needle, place + 1, place + NEARBY) >= 0


def _level(blob: Pieces) -> int:
    """Return the level for a blob too small for several parts: what takes least time first."""
    size = len(blob)
    slices = slices_of(blob, 0, size, SLICES if size >= 2 * SMALL else SLICES // 2, SLICE)
    if _is_text(slices):
        return _levels(blob, [(0, size, True)])[0] if size >= _text_from() else USUAL
    if size >= _fast_below():
        return USUAL
    if size < LONG_TO_COMPRESS and not _deserves_a_look(blob):
        return USUAL
    # What repeats at length is quick to compress at any level.
    if repeating(blob, 0, size, NEEDLE, 2, REACH):
        return USUAL
    if len(set(slices)) < FEW or compressed_size(slices) <= POORLY * len(slices):
        return USUAL
    # On what hardly compresses the fastest gains time, and has less than a tenth to lose.
    return USUAL if _is_better_searched(blob, 0, size) else 1


def _levels(blob: Pieces, parts: List[Tuple[int, int, bool]]) -> List[int]:
    """Return for each part the fastest level whose result is not much larger than the usual one's.

    A part may grow by more than is allowed where the whole does not.
    """
    choices = [_choice(blob, *part) for part in parts]
    quick = sum(choice.quick for choice in choices)
    usual = sum(choice.usual for choice in choices)
    whole = len(parts) > 1 and quick <= ALLOWED * usual
    return [
        choice.level if whole or choice.quick <= choice.allowed * choice.usual else USUAL
        for choice in choices
    ]


class _Choice(NamedTuple):
    """A level for a part, its size at this and at the usual one, and how these may differ.

    Sizes are estimates; both are the same where no other level than the usual one is looked at, and
    nothing where that is not estimated.
    """

    level: int
    quick: float
    usual: float
    allowed: float = 1.0


def _choice(blob: Pieces, start: int, end: int, worth: bool) -> _Choice:
    size = end - start
    if not worth or size < TINY:
        return _Choice(USUAL, size, size)
    slices = slices_of(blob, start, end, SLICES, SLICE)
    is_text = _is_text(slices)
    # What repeats at length is quick to compress at any level; so is what is nearly all the same.
    if size < MEASURED and not is_text and repeating(blob, start, end, NEEDLE, 2, REACH):
        return _Choice(USUAL, 0, 0)
    share = compressed_size(slices) / len(slices)
    as_usual = _Choice(USUAL, share * size, share * size)
    if share < HIGHLY:
        return as_usual
    if is_text and share > POORLY_FOR_TEXT and size >= _fast_below():
        return as_usual
    if not is_text and share > POORLY:
        fast = size < _fast_below() and not _is_better_searched(blob, start, end)
        return as_usual._replace(level=1) if fast else as_usual
    if not is_text and size < MEASURED:
        return as_usual
    if repeating(blob, start, end, NEEDLE, SLICES, REACH, SLICES // 2):
        return as_usual
    if is_text:
        count = SAMPLES if size >= 2 * SMALL else SAMPLES // 2
        each = max(SHORTEST_SAMPLE, min(LONGEST_SAMPLE, size // OF_TEXT))
    else:
        count, each = min(SAMPLES, size // MEASURED), LONGEST_SAMPLE
    samples = [blob[place : place + each] for place in places(start, end, count, each)]
    quick, usual = (
        sum(_sampled_size(sample, level) for sample in samples) * size / (count * each)
        for level in (1, USUAL)
    )
    if is_text and all(map(_is_text, samples)):
        return _Choice(1, quick, usual, ALLOWED_FOR_TEXT)
    return _Choice(1, quick, usual, ALLOWED)


def _sampled_size(sample: bytes, level: int) -> int:
    compressor = _compressor(level, -15, b"")
    return len(compressor.compress(sample)) + len(compressor.flush())


def _fast_below() -> float:
    """Tell from which size on the fastest level takes as long on what hardly compresses."""
    return SMALL


def _text_from() -> int:
    """Tell from which size on a look at text pays."""
    return SMALL


def _is_better_searched(blob: Pieces, start: int, end: int) -> bool:
    """Tell whether the fastest level misses much of what hardly compresses; zlib's does not."""
    return False


def _kept_below(level: int) -> float:
    """Tell down to which share of its size a small blob has to be compressed for it to pay."""
    return HARDLY


def _deserves_a_look(blob: Pieces) -> bool:
    """Tell by a part whether a blob is of random numbers, or of noise and not that small."""
    (place,) = places(0, len(blob), 1, PART)
    part = blob[place : place + PART]
    frequent = _frequent_byte(part)
    if frequent is None:
        return len(blob) >= WITHOUT_NUMBERS
    # Where numbers repeat, zlib is better than others.
    between = part.split(b"%c" % frequent, SOME_NUMBERS)[1:]
    return len(between) - len(set(between)) <= ACCIDENTS


def _frequent_byte(sample: bytes) -> Optional[int]:
    """Return a byte that is frequent, as one of numbers is, if one of some is."""
    near = sample[:NEAR]
    most = max(near[-CANDIDATES:], key=near.count)
    return most if near.count(most) >= OF_NUMBERS else None


def _is_text(sample: bytes) -> bool:
    return not sample.translate(None, _TEXT)


# Letters, digits, punctuation, white space, and bytes of UTF-8 beyond ASCII.
_TEXT = bytes([9, 10, 13, *range(32, 127), *range(128, 256)])


def _mixed(blob: Pieces, parts: List[Tuple[int, int, bool]], levels: List[int]) -> Blob:
    """Return a gzip member whose parts are compressed, or stored where that gains nothing."""
    packed = [_deflated(blob, *part, level) for part, level in zip(parts, levels)]
    return _member(packed, _checksum(blob), len(blob))


def _deflated(blob: Pieces, start: int, end: int, worth: bool, level: int) -> List[Any]:
    """Return the pieces that stand for a part in a gzip member."""
    if worth:
        compressor = _compressor(level, -15, blob[max(0, start - REACH) : start])
        packed = [compressor.compress(view) for view in blob.views(start, end)]
        return [*packed, compressor.flush(zlib.Z_FULL_FLUSH)]
    pieces: List[Any] = []
    for place in range(start, end, STORED_BLOCK):
        size = min(STORED_BLOCK, end - place)
        pieces.append(struct.pack("<BHH", 0, size, size ^ 0xFFFF))
        pieces += blob.views(place, place + size)
    return pieces


def _checksum(blob: Pieces) -> int:
    checksum = 0
    for piece in blob.pieces:
        checksum = _library().crc32(piece, checksum)
    return checksum


def _member(packed: List[List[Any]], checksum: int, size: int) -> Blob:
    trailer = struct.pack("<II", checksum, size & 0xFFFFFFFF)
    return Pieces([GZIP_HEADER, *chain.from_iterable(packed), LAST_BLOCK, trailer])
