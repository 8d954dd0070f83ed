"""Compress artifacts with ISA-L or zlib-ng where one of them is installed.

Both write the same format as zlib does, and faster; anybody's zlib reads it.

What changes: what is compressed at the fast level is compressed by `isal`, else by `zlib_ng`, if
the environment has one of them, at their level 3; so is reading, and so are the checksums of
mixtures. They are fast on what hardly compresses, too, and samples decide from 48 KB on (64 KB by
zlib); what repeats at length is left to zlib, which is as fast there. Neither becomes a dependency,
and without them nothing changes. The import happens at the first artifact, not with metaflow.

How to measure: `artifacts.Save` and `artifacts.Load` of text and columns, with `isal` installed.

Risk: stored bytes (never keys) differ between environments that have these packages and others.
"""

from functools import lru_cache
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
    if before:
        # What lies before is within reach, as if it had been compressed in one go.
        return library.compressobj(fast_level, zlib.DEFLATED, wbits, zdict=before)  # noqa: F821
    return library.compressobj(fast_level, zlib.DEFLATED, wbits)  # noqa: F821


def _library() -> Any:
    return _fast_zlib()[0]


def _is_quick(share: float) -> bool:
    # Theirs are on anything.
    return share <= POORLY or _fast_zlib()[0] is not zlib  # noqa: F821


def _sampled_from() -> int:
    return SMALL if _fast_zlib()[0] is zlib else TINY  # noqa: F821


def _kept_below(level: int) -> float:
    """Tell down to which share of its size a small blob has to be compressed for it to pay."""
    # What theirs makes little smaller zlib's usual level may: stored as it is, it would have grown.
    return HARDLY if level == USUAL or _fast_zlib()[0] is zlib else 0.98  # noqa: F821


def apply(tree: SourceTree) -> None:
    """Let the module of compression choose its library."""
    module = tree[COMPRESSION]
    module.replace_body("_compressor", by=_compressor, was={"0c28f14aad2d"})
    module.replace_body("_library", by=_library, was={"2a8a61d3fc9b"})
    module.replace_body("_is_quick", by=_is_quick, was={"95421c68fe0e"})
    module.replace_body("_sampled_from", by=_sampled_from, was={"0051ce3db14d"})
    module.replace_body("_kept_below", by=_kept_below, was={"a5930b2fb5db"})
    module.add_definition(_fast_zlib, before="_compressor")
    module.add_import("from functools import lru_cache")
