"""Compress artifacts with ISA-L or zlib-ng where one of them is installed.

Both write the same format as zlib does, and faster; anybody's zlib reads it.

What changes: what is compressed at the fast level is compressed by `isal`, else by `zlib_ng`, if
the environment has one of them, at their level 3; so is reading, and so are the checksums of
mixtures. They are fast on what hardly compresses, too, and get that at any size (zlib's fast level
below 64 KB only). What repeats in it, three bytes or more, is left to zlib, which finds more. What
they make only a little smaller is kept below 256 KB: down to 0.98 of its size, not 0.92. ISA-L
leaves vector registers in a state in which zlib is slower, so a hash that clears them is called
before zlib. Neither becomes a dependency, and without them nothing changes. The import happens at
the first artifact, not with metaflow.

How to measure: `artifacts.Save` and `artifacts.Load` of text and columns, with `isal` installed.

Risk: stored bytes (never keys) differ between environments that have these packages and others.
"""

from collections import Counter
from functools import lru_cache
from hashlib import sha512
from math import inf
from typing import Any

from optimizations.source_tree import SourceTree

COMPRESSION = "metaflow/datastore/blob_compression.py"


@lru_cache(maxsize=None)  # noqa: UP033
def _fast_zlib() -> Any:
    """Return the fastest module that does what zlib does, and its own fast level."""
    try:
        from isal import isal_zlib

        return isal_zlib, 3
    except ImportError:
        pass
    try:
        from zlib_ng import zlib_ng

        return zlib_ng, 3
    except ImportError:
        return zlib, 1  # noqa: F821


def _compressor(level: int, wbits: int, before: bytes) -> Any:
    library, fast_level = _fast_zlib() if level == 1 else (zlib, level)  # noqa: F821
    if library is zlib:  # noqa: F821
        # ISA-L leaves the upper halves of vector registers in use. zlib is slower then, until code
        # that clears them has run: OpenSSL's does.
        sha512().digest()
    if before:
        # What lies before is within reach, as if it had been compressed in one go.
        return library.compressobj(fast_level, zlib.DEFLATED, wbits, zdict=before)  # noqa: F821
    return library.compressobj(fast_level, zlib.DEFLATED, wbits)  # noqa: F821


def _library() -> Any:
    return _fast_zlib()[0]


def _fast_below() -> float:
    # Theirs are on anything.
    return SMALL if _fast_zlib()[0] is zlib else inf  # noqa: F821


def _is_better_searched(blob: Any, start: int, end: int) -> bool:
    if _fast_zlib()[0] is zlib:  # noqa: F821
        return False
    # What takes least time first.
    return _shows_more(blob, start, end) or _repeats_shortly(blob, start, end)


def _shows_more(blob: Any, start: int, end: int) -> bool:
    """Tell whether in samples zlib finds more, for what is made of frequent bytes is near."""
    count, each = 1 if end - start < 2 * SMALL else 2, SHORTEST_SAMPLE  # noqa: F821
    samples = [blob[place : place + each] for place in places(start, end, count, each)]  # noqa: F821
    quick, usual = (
        sum(_sampled_size(sample, level) for sample in samples)  # noqa: F821
        for level in (1, USUAL)  # noqa: F821
    )
    return quick > 1.03 * usual


def _repeats_shortly(blob: Any, start: int, end: int) -> bool:
    """Tell whether as little as three rare bytes repeat: these libraries find less of that."""
    size = end - start
    # Where there is time, what is nearly out of reach shows, too.
    window = REACH if size < 2 * SMALL else REACH * 3 // 2  # noqa: F821
    for place in places(start, end, min(4, 2 + size // TRIED), window):  # noqa: F821
        piece, first, last = blob.window(place, window)
        region = piece[first:last]
        near = region[:1024]
        rarest_first = sorted(near[-8:], key=near.count)
        # One that keys may have in common, and one that is in few of them. Noise has each of them
        # once in 256 bytes.
        for anchor in rarest_first[4], rarest_first[0]:
            pairs = [each[:2] for each in region.split(b"%c" % anchor, window // 256)[1:]]
            # Noise repeats as many by accident.
            if len(pairs) - len(set(pairs)) > 3 and _rare_again(pairs, near) > 3:
                return True
    return False


def _rare_again(pairs: Any, near: bytes) -> int:
    """Tell how often one of some pairs is there again; pairs of what is frequent nearby are not."""
    return sum(
        count - 1
        for pair, count in Counter(pairs).items()
        if count > 1 and len(pair) == 2 and max(map(near.count, pair)) < 24
    )


def _kept_below(level: int) -> float:
    """Tell down to which share of its size a small blob has to be compressed for it to pay."""
    # What theirs makes little smaller zlib's usual level may: stored as it is, it would have grown.
    return HARDLY if level == USUAL or _fast_zlib()[0] is zlib else 0.98  # noqa: F821


def apply(tree: SourceTree) -> None:
    """Let the module of compression choose its library."""
    module = tree[COMPRESSION]
    module.replace_body("_compressor", by=_compressor, was={"0c28f14aad2d"})
    module.replace_body("_library", by=_library, was={"2a8a61d3fc9b"})
    module.replace_body("_fast_below", by=_fast_below, was={"0051ce3db14d"})
    module.replace_body("_is_better_searched", by=_is_better_searched, was={"d2c2f95e8f91"})
    module.replace_body("_kept_below", by=_kept_below, was={"a5930b2fb5db"})
    module.add_definition(_fast_zlib, before="_compressor")
    module.add_definition(_shows_more, before="_kept_below")
    module.add_definition(_repeats_shortly, before="_kept_below")
    module.add_definition(_rare_again, before="_kept_below")
    module.add_import("from collections import Counter")
    module.add_import("from functools import lru_cache")
    module.add_import("from hashlib import sha512")
    module.add_import("from math import inf")
