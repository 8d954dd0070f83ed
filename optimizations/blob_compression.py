"""How a blob is stored: as it is where compression gains nothing, else as one gzip member.

Every release reads both. A few samples of the blob decide: noise is stored as it is, text is
compressed at a fast level, and a mixture gets a gzip member in which only the parts that gain
something are compressed.
"""

# metaflow supports Python 3.8: the older spelling of types.
# ruff: noqa: UP006, UP035, UP045
import struct
import zlib
from typing import Any, List, Optional, Tuple

# Below this size content is compressed without samples, and below the next at the usual level.
SMALL = 64 * 1024
TINY = 4 * 1024
# Content of several kinds is taken apart down to this size.
SEGMENT = 1024 * 1024
SLICE = 512
SLICES = 8
GROUPS = 8
NEEDLES = 4
# Deflate finds what repeats within this distance.
WINDOW = 32 * 1024
# What compresses to more than this share of its size is not worth the time.
HARDLY = 0.92
# What compresses to more than this gains little from a higher level.
POORLY = 0.80

STORED_BLOCK = 65535
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
LAST_BLOCK = b"\x03\x00"


def pack(blob: bytes) -> Optional[bytes]:
    """Return the gzip member that stands for the blob; None where it is better stored as it is."""
    blob = bytes(blob)
    if len(blob) < SMALL:
        return _gzip(blob, _level(blob, 0, len(blob)))
    parts = _parts(blob, 0, len(blob))
    if not any(worth for _, _, worth in parts):
        return None
    if len(parts) == 1:
        return _gzip(blob, _level(blob, 0, len(blob)))
    return _mixed(blob, parts)


def unpack(packed: bytes) -> Optional[bytes]:
    """Return the blob of a gzip member; None where it is not one member and nothing else."""
    if len(packed) < 18:
        return None
    size = struct.unpack("<I", packed[-4:])[0]
    # No content is compressed to less than a thousandth.
    blob = _inflate(packed, min(size, 1100 * len(packed)) or 1)
    return blob if len(blob) & 0xFFFFFFFF == size else None


def _gzip(blob: bytes, level: int) -> bytes:
    compressor = _compressor(level, 31, b"")
    return b"".join((compressor.compress(blob), compressor.flush()))


def _compressor(level: int, wbits: int, before: bytes) -> Any:
    if before:
        # What lies before is within reach, as if it had been compressed in one go.
        return zlib.compressobj(level, zlib.DEFLATED, wbits, zdict=before)
    return zlib.compressobj(level, zlib.DEFLATED, wbits)


def _inflate(packed: bytes, size: int) -> bytes:
    return zlib.decompress(packed, 31, size)


def _level(blob: bytes, start: int, end: int) -> int:
    """Return the fastest level whose result is not much larger than that of level 3."""
    size = end - start
    if size < TINY:
        return 3
    # What repeats at length is quick to compress, and the fastest level misses some of it.
    if _repeats(blob, start, end, 32, 8) > 1:
        return 3
    middle = (start + end) // 2
    sample = blob[middle : middle + max(TINY // 2, min(SMALL, size // 32))]
    fastest = len(zlib.compress(sample, 1))
    if fastest > POORLY * len(sample):
        return 1
    # Text loses most, and is what people least mind to see grow a little.
    allowed = 1.15 if _is_text(sample) else 1.07
    return 1 if fastest < allowed * len(zlib.compress(sample, 3)) else 3


def _is_text(sample: bytes) -> bool:
    return not sample.translate(None, _TEXT)


# Letters, digits, punctuation, white space, and bytes of UTF-8 beyond ASCII.
_TEXT = bytes([9, 10, 13, *range(32, 127), *range(128, 256)])


def _parts(blob: bytes, start: int, end: int) -> List[Tuple[int, int, bool]]:
    """Return start, end and whether compression is worth it, for each part of its own kind."""
    groups = max(1, min(GROUPS, (end - start) // (2 * SMALL)))
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


def _gains(blob: bytes, start: int, end: int) -> bool:
    """Tell by samples whether a region would become smaller by more than a little."""
    step = (end - start - SLICE) // SLICES
    places = [start + step * number + step // 2 for number in range(SLICES)]
    sample = b"".join([blob[place : place + SLICE] for place in places])
    if len(zlib.compress(sample, 1)) < HARDLY * len(sample):
        return True
    return _repeats(blob, start, end, 8, NEEDLES) > 0


def _repeats(blob: bytes, start: int, end: int, size: int, samples: int) -> int:
    """Count the samples that occur once more within the reach of deflate."""
    step = (end - start) // samples
    found = 0
    for number in range(samples):
        place = start + step * number + step // 3
        needle = blob[place : place + size]
        found += blob.find(needle, place + 1, place + WINDOW) >= 0
    return found


def _mixed(blob: bytes, parts: List[Tuple[int, int, bool]]) -> bytes:
    """Return a gzip member whose parts are compressed, or stored where that gains nothing."""
    pieces: List[bytes] = [GZIP_HEADER]
    view = memoryview(blob)
    for start, end, worth in parts:
        if worth:
            level = _level(blob, start, end)
            compressor = _compressor(level, -15, blob[max(0, start - WINDOW) : start])
            pieces.append(compressor.compress(view[start:end]))
            pieces.append(compressor.flush(zlib.Z_FULL_FLUSH))
        else:
            for place in range(start, end, STORED_BLOCK):
                size = min(STORED_BLOCK, end - place)
                pieces.append(struct.pack("<BHH", 0, size, size ^ 0xFFFF))
                pieces.append(view[place : place + size])
    pieces.append(LAST_BLOCK)
    pieces.append(struct.pack("<II", zlib.crc32(blob), len(blob) & 0xFFFFFFFF))
    return b"".join(pieces)
