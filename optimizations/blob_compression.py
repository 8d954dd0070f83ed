"""How a blob is stored: as it is where compression gains nothing, else as one gzip member.

Every release reads both. A few samples of the blob decide: noise is stored as it is, text is
compressed at a fast level, and a mixture gets a gzip member in which only the parts that gain
something are compressed.
"""

# metaflow supports Python 3.8: the older spelling of types.
# ruff: noqa: UP006, UP035, UP045
import struct
import zlib
from itertools import chain
from typing import Any, List, NamedTuple, Optional, Tuple

from .compressible import (
    HARDLY,
    REACH,
    compressed_size,
    hardly_repeats,
    parts_of,
    places,
    repeating,
    slices_of,
)
from .pieces import Blob, Pieces, pieces_of

# Below this size all is compressed at the usual level: to look at it takes a part that shows.
TINY = 48 * 1024
# Below this size samples at two levels cost more than they gain.
SMALL = 64 * 1024
# Below this size it is tried whether compression gains something: few samples might miss it.
TRIED = 256 * 1024
# What is compressed at both levels, to tell how they differ. What repeats far away shows in long
# samples only; text shows all of it in short ones.
SAMPLES = 4
SHORTEST_SAMPLE = 2048
SHORT_SAMPLE = 16 * 1024
LONGEST_SAMPLE = 64 * 1024
# From this size on long ones take less than a tenth of the time of compressing all.
MEASURED = 1024 * 1024
# The level that metaflow has always used.
USUAL = 3
# No level, but a way of its own that does not look for what repeats, beside runs of one byte.
ALONE = 0
# What compresses to more than this gains little from a higher level.
POORLY = 0.80
# What compresses to less than this does so quickly at any level.
HIGHLY = 0.25
# How much of a part is looked at for these.
SLICES = 8
SLICE = 256
NEEDLE = 32
# What compresses to more than this is noise, as a slice shows it.
NOISE = 0.985
# What has fewer different bytes in a slice than this compresses well.
FEW = 80
# The share of different bytes in a slice that is usual, where all slices are of one kind.
EVEN = 0.75
# How much larger the result of the fastest level may be. Text loses most, and is what people least
# mind to see grow a little.
ALLOWED = 1.06
ALLOWED_FOR_TEXT = 1.15
ALLOWED_IN_SHORT_SAMPLES = 1.01

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
        level = _levels(whole, [(0, size, True)])[0]
        packed = _gzip(blob, level)
        if level == ALONE and len(packed) >= HARDLY * size:
            packed = _gzip(blob, 1)
        return packed if len(packed) < HARDLY * size else None
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
    if level == ALONE:
        return zlib.compressobj(1, zlib.DEFLATED, wbits, zlib.DEF_MEM_LEVEL, zlib.Z_RLE)
    if before:
        # What lies before is within reach, as if it had been compressed in one go.
        return zlib.compressobj(level, zlib.DEFLATED, wbits, zdict=before)
    return zlib.compressobj(level, zlib.DEFLATED, wbits)


def _library() -> Any:
    return zlib


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
    """A level faster than the usual one, and estimates of a part's size at both."""

    level: int
    quick: float
    usual: float
    allowed: float


def _choice(blob: Pieces, start: int, end: int, worth: bool) -> _Choice:
    """Find what level may do for a part, and what it may grow by."""
    size = end - start
    as_usual = _Choice(USUAL, size, size, 1.0)
    if not worth:
        return as_usual
    # Half of them where little is to gain.
    slices = slices_of(blob, start, end, SLICES if size >= SMALL else SLICES // 2, SLICE)
    values = [len(set(slices[place : place + SLICE])) for place in range(0, len(slices), SLICE)]
    if size < _sampled_from() and (
        min(values) < FEW or repeating(blob, start, end, NEEDLE, 2, REACH)
    ):
        return as_usual
    share = compressed_size(slices) / len(slices)
    # What is nearly all the same is quick to compress at any level; so is what repeats at length.
    if share < HIGHLY:
        return as_usual
    # Where slices differ, some may be noise, and hide what others would gain.
    even = share > POORLY and min(values) >= EVEN * max(values)
    alone = even and _is_alone(blob, start, end, slices, share)
    if size < SMALL and alone:
        return as_usual._replace(level=ALONE)
    if size < _sampled_from():
        # What hardly compresses has less than a tenth to lose.
        return as_usual._replace(level=1 if share > POORLY else USUAL)
    if repeating(blob, start, end, NEEDLE, SLICES, REACH, SLICES // 2):
        return as_usual
    return _sampled(blob, start, end, slices, share, ALONE if alone else 1) or as_usual


def _sampled(
    blob: Pieces, start: int, end: int, slices: bytes, share: float, level: int
) -> Optional[_Choice]:
    """Try a level on samples; None where it would not be much faster."""
    size = end - start
    is_text = _is_text(slices)
    if is_text:
        count, each = SAMPLES, max(SHORTEST_SAMPLE, min(LONGEST_SAMPLE, size // 48))
    elif level != ALONE and not _is_quick(share):
        return None
    elif size >= MEASURED:
        count, each = min(SAMPLES, size // MEASURED), LONGEST_SAMPLE
    elif share > POORLY:
        count, each = 1 if size < TRIED else 2, min(SHORT_SAMPLE, size // 6)
    else:
        return None
    samples = [blob[place : place + each] for place in places(start, end, count, each)]
    quick, usual = (
        sum(len(_gzip(sample, each_level)) for sample in samples) * size / (count * each)
        for each_level in (level, USUAL)
    )
    if is_text and all(map(_is_text, samples)):
        return _Choice(level, quick, usual, ALLOWED_FOR_TEXT)
    return _Choice(level, quick, usual, ALLOWED if size >= MEASURED else ALLOWED_IN_SHORT_SAMPLES)


def _is_alone(blob: Pieces, start: int, end: int, slices: bytes, share: float) -> bool:
    """Tell whether hardly anything repeats, near or far: some bytes are more frequent, no more.

    Numbers are such content.
    """
    return (
        compressed_size(slices, zlib.Z_RLE) <= min(ALLOWED * share, NOISE) * len(slices)
        and hardly_repeats(blob, start, end)
        and not repeating(blob, start, end, NEEDLE, SLICES // 2, REACH)
    )


def _is_quick(share: float) -> bool:
    """Tell whether the fastest level takes much less time; on what hardly compresses few do."""
    return share <= POORLY


def _sampled_from() -> int:
    return SMALL


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
