"""How a blob is stored: as it is where compression gains nothing, else as one gzip member.

Every release reads both. A few samples of the blob decide: noise is stored as it is, text is
compressed at a fast level, and a mixture gets a gzip member in which only the parts that gain
something are compressed.
"""

# metaflow supports Python 3.8: the older spelling of types.
# ruff: noqa: UP006, UP035, UP045
import struct
import zlib
from typing import Any, Iterator, List, Optional, Tuple

from .pieces import Blob, Pieces, pieces_of

# Below this size samples cost more than they gain: the usual level.
SMALL = 16 * 1024
# Below this size it is tried whether compression gains something: few samples might miss it.
TRIED = 256 * 1024
# The least that is looked at together when content of several kinds is searched for.
GROUP = 128 * 1024
# Content of several kinds is taken apart down to this size.
SEGMENT = 1024 * 1024
GROUPS = 8
# Places to look at in a group.
PLACES = 6
# What is looked at there for how small it becomes, and what may occur once more.
SLICE = 512
NEEDLE = 6
# What is compressed at both levels, to tell how they differ. Only text shows it in short samples.
SHORTEST_SAMPLE = 2048
LONGEST_SAMPLE = 64 * 1024
# From this size on other content is measured, too.
MEASURED = 2 * 1024 * 1024
# The level that metaflow has always used.
USUAL = 3
# Deflate finds what repeats within this distance.
WINDOW = 32 * 1024
# What compresses to more than this share of its size is not worth the time.
HARDLY = 0.92
# What compresses to more than this gains little from a higher level.
POORLY = 0.80
# What compresses to less than this does so quickly at any level.
HIGHLY = 0.25
# How much larger the result of the fastest level may be. Text loses most, and is what people least
# mind to see grow a little.
ALLOWED = 1.04
ALLOWED_FOR_TEXT = 1.15

STORED_BLOCK = 65535
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
LAST_BLOCK = b"\x03\x00"


def pack(blob: Blob) -> Optional[Blob]:
    """Return the gzip member that stands for the blob; None where it is better stored as it is."""
    size = len(blob)
    if size < SMALL:
        return _gzip(blob, USUAL)
    whole = Pieces(pieces_of(blob))
    if size < TRIED:
        packed = _gzip(blob, _levels(whole, [(0, size, True)])[0])
        return packed if len(packed) < HARDLY * size else None
    parts = _parts(whole, 0, size)
    if not any(worth for _, _, worth in parts):
        return None
    levels = _levels(whole, parts)
    return _gzip(blob, levels[0]) if len(parts) == 1 else _mixed(whole, parts, levels)


def unpack(packed: bytes) -> Optional[bytes]:
    """Return the blob of a gzip member; None where it is not one member and nothing else."""
    if len(packed) < 18:
        return None
    size = struct.unpack("<I", packed[-4:])[0]
    # No content is compressed to less than a thousandth.
    member = _decompressor()
    blob: bytes = member.decompress(packed, min(size, 1100 * len(packed)) + 1)
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


def _decompressor() -> Any:
    return zlib.decompressobj(31)


def _levels(blob: Pieces, parts: List[Tuple[int, int, bool]]) -> List[int]:
    """Return for each part the fastest level whose result is not much larger than the usual one's.

    A part may grow by more than is allowed where the whole does not.
    """
    sizes = [_sizes(blob, *part) for part in parts]
    whole = sum(size[0] for size in sizes) <= ALLOWED * sum(size[1] for size in sizes)
    return [
        1 if allowed and (whole or fastest <= allowed * usual) else USUAL
        for fastest, usual, allowed in sizes
    ]


def _sizes(blob: Pieces, start: int, end: int, worth: bool) -> Tuple[float, float, Optional[float]]:
    """Estimate a part's size at the fastest and at the usual level, and say what it may grow by.

    None for that where the fastest level is never to be used.
    """
    size = end - start
    if not worth:
        return size, size, 1.0
    slices = _slices(blob, start, end)
    is_text = _is_text(slices)
    if size < MEASURED and not is_text:
        # Too short to measure the loss, which only what repeats can have.
        poorly = _size(slices) > POORLY * len(slices)
        poorly = poorly and not _repeats(blob, start, end, NEEDLE, 1)
        return size, size, 1.0 if poorly else None
    # What repeats at length, or is nearly all the same, is quick to compress at any level, and the
    # fastest level misses some of it.
    if _size(slices) < HIGHLY * len(slices) or _repeats(blob, start, end, 32, 2):
        return size, size, None
    count = min(3, 1 + size // (2 * MEASURED))
    each = max(SHORTEST_SAMPLE, min(LONGEST_SAMPLE, size // 16))
    samples = [blob[place : place + each] for place in _places(start, end, count, each)]
    is_text = is_text and all(map(_is_text, samples))
    fastest = sum(len(_gzip(sample, 1)) for sample in samples) * size / (count * each)
    usual = sum(len(_gzip(sample, USUAL)) for sample in samples) * size / (count * each)
    return fastest, usual, ALLOWED_FOR_TEXT if is_text else ALLOWED


def _size(sample: bytes) -> int:
    """Return to how many bytes a sample of a few kilobytes is compressed."""
    # What zlib allocates by default costs more than compressing them.
    compressor = zlib.compressobj(1, zlib.DEFLATED, -12, 5)
    return len(compressor.compress(sample)) + len(compressor.flush())


def _is_text(sample: bytes) -> bool:
    return not sample.translate(None, _TEXT)


# Letters, digits, punctuation, white space, and bytes of UTF-8 beyond ASCII.
_TEXT = bytes([9, 10, 13, *range(32, 127), *range(128, 256)])


def _parts(blob: Pieces, start: int, end: int) -> List[Tuple[int, int, bool]]:
    """Return start, end and whether compression is worth it, for each part of its own kind."""
    groups = min(GROUPS, (end - start) // GROUP)
    step = (end - start) / groups
    edges = [start + int(step * group) for group in range(groups)] + [end]
    gains = [_gains(blob, *edge) for edge in zip(edges, edges[1:])]
    if all(gains) or not any(gains) or end - start < 2 * SEGMENT:
        return [(start, end, any(gains))]
    middle = (start + end) // 2
    parts = _parts(blob, start, middle)
    for part in _parts(blob, middle, end):
        if part[2] == parts[-1][2]:
            parts[-1] = (parts[-1][0], part[1], part[2])
        else:
            parts.append(part)
    return parts


def _gains(blob: Pieces, start: int, end: int) -> bool:
    """Tell by samples whether a region would become smaller by more than a little."""
    if _repeats(blob, start, end, NEEDLE, 1):
        return True
    sample = _slices(blob, start, end)
    return _size(sample) < HARDLY * len(sample)


def _slices(blob: Pieces, start: int, end: int) -> bytes:
    places = _places(start, end, PLACES, SLICE)
    return b"".join([blob[place : place + SLICE] for place in places])


def _repeats(blob: Pieces, start: int, end: int, size: int, enough: int) -> bool:
    """Tell whether enough of some samples occur once more within the reach of deflate."""
    found = 0
    for place in _places(start, end, PLACES, size):
        found += blob[place + 1 : place + WINDOW].find(blob[place : place + size]) >= 0
        if found == enough:
            return True
    return False


def _places(start: int, end: int, count: int, size: int) -> Iterator[int]:
    """Yield where samples begin: all over a region, and never in step with what repeats in it."""
    step = (end - start - size) / count
    for number in range(count):
        # The golden ratio's multiples spread most evenly.
        shift = (start // SLICE + number) * 0.6180339887498949 % 1
        yield start + int(step * (number + shift))


def _mixed(blob: Pieces, parts: List[Tuple[int, int, bool]], levels: List[int]) -> Blob:
    """Return a gzip member whose parts are compressed, or stored where that gains nothing."""
    pieces: List[Any] = [GZIP_HEADER]
    for (start, end, worth), level in zip(parts, levels):
        if worth:
            compressor = _compressor(level, -15, blob[max(0, start - WINDOW) : start])
            pieces += map(compressor.compress, blob.views(start, end))
            pieces.append(compressor.flush(zlib.Z_FULL_FLUSH))
        else:
            for place in range(start, end, STORED_BLOCK):
                size = min(STORED_BLOCK, end - place)
                pieces.append(struct.pack("<BHH", 0, size, size ^ 0xFFFF))
                pieces += blob.views(place, place + size)
    checksum = 0
    for piece in blob.pieces:
        checksum = zlib.crc32(piece, checksum)
    pieces += [LAST_BLOCK, struct.pack("<II", checksum, len(blob) & 0xFFFFFFFF)]
    return Pieces(pieces)
