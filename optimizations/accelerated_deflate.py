"""Compress artifacts with ISA-L or zlib-ng where one of them is installed.

Both write the same format as zlib does, and faster; anybody's zlib reads it.

What changes: what is compressed at the fast level is compressed by `isal`, else by `zlib_ng`, if
the environment has one of them, at their level 3; so is reading, and so are the checksums of
mixtures. They are fast on what hardly compresses, too, and get that from 160 KB on, and random
numbers from 48 KB on (zlib's fast level gets those below 64 KB only). Where as little as three
bytes repeat in it often, zlib finds more: a look at two to four windows tells, and where they seem
to hold numbers, 2 KB compressed both ways. ISA-L pays for text from 48 KB on. Below 640 KB what
they make of a blob is kept if it is less than 0.98 of its size, not 0.92, for zlib might have made
it much smaller. ISA-L leaves vector registers in a state in which zlib is slower, so a hash that
clears them is called before zlib. Neither becomes a dependency, and without them nothing changes.
The import happens at the first artifact, not with metaflow.

How to measure: `artifacts.Save` and `artifacts.Load` of text and columns, with `isal` installed.

Risk: stored bytes (never keys) differ between environments that have these packages and others. The
look takes its part of the time of a small save where it finds that zlib is needed.
"""

from __future__ import annotations

from functools import lru_cache

from optimizations.edits import Claim, SourceTree

CLAIMS = (
    Claim("artifacts.Save.time_save(text-10MB)", "saving text 10 MB"),
    Claim("artifacts.Load.time_load(text-10MB)", "loading text 10 MB"),
    Claim("artifacts.Save.time_save(columns-20MB)", "saving columns 20 MB"),
    Claim("artifacts.Load.time_load(columns-20MB)", "loading columns 20 MB"),
)

COMPRESSION = "metaflow/datastore/blob_compression.py"
CONSTANTS = """
ALLOWED_FOR_TEXT = 1.15
# What another library makes of a sample is larger than zlib's by more than this where it misses
# something.
MORE = 1.03
# What it makes little smaller may be much smaller by zlib's usual level: to store that as it is
# would let it grow.
HARDLY_BY_OTHERS = 0.98
"""


@lru_cache(maxsize=None)
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
        return zlib, 1


def _compressor(level: int, wbits: int, before: bytes) -> Any:
    library, fast_level = _fast_zlib() if level == 1 else (zlib, level)
    if library is zlib:
        # ISA-L leaves the upper halves of vector registers in use. zlib is slower then, until code
        # that clears them has run: OpenSSL's does.
        sha512().digest()
    if before:
        # What lies before is within reach, as if it had been compressed in one go.
        return library.compressobj(fast_level, zlib.DEFLATED, wbits, zdict=before)
    return library.compressobj(fast_level, zlib.DEFLATED, wbits)


def _library() -> Any:
    return _fast_zlib()[0]


def _fast_below() -> float:
    # Theirs are on anything.
    return SMALL if _fast_zlib()[0] is zlib else inf


def _text_from() -> int:
    # zlib-ng is not so much faster that it pays sooner.
    return TINY if _library().__name__.startswith("isal") else SMALL


# Formatted as in metaflow, whose lines are shorter.
# fmt: off
def _is_better_searched(blob: Any, start: int, end: int) -> bool:
    if _fast_zlib()[0] is zlib:
        return False
    windows = list(windows_of(blob, start, end))
    share = share_for(end - start)
    # In this order, for what repeats in numbers takes longest to look at.
    return _shows_more(windows) or any(
        repeats_shortly(window, share)
        for window in windows
    )


# fmt: on
def _shows_more(windows: Any) -> bool:
    """Tell whether in a sample zlib finds more, as it may in what has frequent bytes: numbers."""
    of_numbers = (each for each in windows if _frequent_byte(each) is not None)
    window = next(of_numbers, None)
    if window is None:
        return False
    sample = window[:SHORTEST_SAMPLE]
    quick, usual = (_sampled_size(sample, level) for level in (1, USUAL))
    return quick > MORE * usual


def _kept_below(level: int) -> float:
    """Tell down to which share of its size a small blob has to be compressed for it to pay."""
    if level == USUAL or _fast_zlib()[0] is zlib:
        return HARDLY
    return HARDLY_BY_OTHERS


def apply(tree: SourceTree) -> None:
    """Let the module of compression choose its library."""
    module = tree[COMPRESSION]
    module.replace_body("_compressor", by=_compressor, was={"0c28f14aad2d"})
    module.replace_body("_library", by=_library, was={"2a8a61d3fc9b"})
    module.replace_body("_fast_below", by=_fast_below, was={"0051ce3db14d"})
    module.replace_body("_text_from", by=_text_from, was={"0051ce3db14d"})
    module.replace_body("_is_better_searched", by=_is_better_searched, was={"d2c2f95e8f91"})
    module.replace_body("_kept_below", by=_kept_below, was={"a5930b2fb5db"})
    module.add_definition(_fast_zlib, before="_compressor")
    module.add_definition(_shows_more, before="_kept_below")
    module.replace_statement(within=None, find="ALLOWED_FOR_TEXT = 1.15", by=CONSTANTS)
    module.add_import("from .short_repeats import repeats_shortly, share_for, windows_of")
    tree.insert("metaflow/datastore/short_repeats.py")
    module.add_import("from functools import lru_cache")
    module.add_import("from hashlib import sha512")
    module.add_import("from math import inf")
