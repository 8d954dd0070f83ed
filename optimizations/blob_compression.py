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

# Below this size samples cost more than they gain: the usual level.
SMALL = 16 * 1024
# The least that is looked at together when content of several kinds is searched for.
GROUP = 128 * 1024
# Content of several kinds is taken apart down to this size.
SEGMENT = 1024 * 1024
# Samples.
SLICE = 512
SLICES = 6
GROUPS = 8
NEEDLES = 6
LONGEST_SAMPLE = 64 * 1024
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

STORED_BLOCK = 65535
GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
LAST_BLOCK = b"\x03\x00"


def pack(blob: bytes) -> Optional[bytes]:
    """Return the gzip member that stands for the blob; None where it is better stored as it is."""
    blob = bytes(blob)
    if len(blob) < SMALL:
        return _gzip(blob, USUAL)
    if len(blob) < 2 * GROUP:
        share = _share(blob, 0, len(blob))
        if share >= HARDLY and not _repeats(blob, 0, len(blob), 8, 1):
            return None
        return _gzip(blob, _level(blob, 0, len(blob), share))
    parts = _parts(blob, 0, len(blob))
    if not any(worth for _, _, worth in parts):
        return None
    if len(parts) == 1:
        return _gzip(blob, _level(blob, 0, len(blob), _share(blob, 0, len(blob))))
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


def _level(blob: bytes, start: int, end: int, share: float) -> int:
    """Return the fastest level whose result is not much larger than the usual one's."""
    # What repeats at length, or is nearly all the same, is quick to compress at any level, and the
    # fastest level misses some of it.
    if share < HIGHLY or _repeats(blob, start, end, 32, 2):
        return USUAL
    middle = (start + end) // 2
    sample = blob[middle : middle + max(2048, min(LONGEST_SAMPLE, (end - start) // 32))]
    fastest = _size(sample, 1)
    if fastest > POORLY * len(sample):
        return 1
    # Text loses most, and is what people least mind to see grow a little. A short sample shows
    # less of the loss than the whole will have.
    allowed = 1.04 if len(sample) == LONGEST_SAMPLE else 1.02
    if _is_text(sample):
        allowed = 1.15
    return 1 if fastest < allowed * _size(sample, USUAL) else USUAL


def _size(sample: bytes, level: int) -> int:
    """Return to how many bytes a sample is compressed."""
    # What zlib allocates by default costs more than compressing a few kilobytes.
    bits, memory = (-12, 5) if len(sample) <= 4096 else (-15, 8)
    compressor = zlib.compressobj(level, zlib.DEFLATED, bits, memory)
    return len(compressor.compress(sample)) + len(compressor.flush())


def _is_text(sample: bytes) -> bool:
    return not sample.translate(None, _TEXT)


# Letters, digits, punctuation, white space, and bytes of UTF-8 beyond ASCII.
_TEXT = bytes([9, 10, 13, *range(32, 127), *range(128, 256)])


def _parts(blob: bytes, start: int, end: int) -> List[Tuple[int, int, bool]]:
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


def _gains(blob: bytes, start: int, end: int) -> bool:
    """Tell by samples whether a region would become smaller by more than a little."""
    return _repeats(blob, start, end, 8, 1) or _share(blob, start, end) < HARDLY


def _share(blob: bytes, start: int, end: int) -> float:
    """Return to what share of their size slices from all over a region are compressed."""
    step = (end - start - SLICE) // SLICES
    places = [start + step * number + step // 2 for number in range(SLICES)]
    sample = b"".join([blob[place : place + SLICE] for place in places])
    return _size(sample, 1) / len(sample)


def _repeats(blob: bytes, start: int, end: int, size: int, enough: int) -> bool:
    """Tell whether enough of some samples occur once more within the reach of deflate."""
    step = (end - start) // NEEDLES
    found = 0
    for number in range(NEEDLES):
        place = start + step * number + step // 3
        found += blob.find(blob[place : place + size], place + 1, place + WINDOW) >= 0
        if found == enough:
            return True
    return False


def _mixed(blob: bytes, parts: List[Tuple[int, int, bool]]) -> bytes:
    """Return a gzip member whose parts are compressed, or stored where that gains nothing."""
    pieces: List[bytes] = [GZIP_HEADER]
    view = memoryview(blob)
    for start, end, worth in parts:
        if worth:
            level = _level(blob, start, end, _share(blob, start, end))
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
