"""Whether as little as three bytes repeat in a blob: zlib finds more of that than others do."""

# metaflow supports Python 3.8: the older spelling of types.
# ruff: noqa: UP035
from typing import Iterator

from .compressible import NEAR, OFTEN, PAIR, REACH, places, rare_again
from .pieces import Pieces

# How many windows are looked at: one more for each so many bytes.
FEWEST_WINDOWS = 2
MOST_WINDOWS = 4
ONE_MORE = 256 * 1024
# From this size on there is time for larger ones, in which what is nearly out of reach shows, too.
LARGE = 128 * 1024
# How many of the bytes near where a window begins, the last of them, are candidates for an anchor.
CANDIDATES = 8
# Of these, from the rarest on: one that keys may have in common, and one that is in few of them.
TRIED_CANDIDATES = (4, 0)
# Numbers have a byte that stands near so often; by accident one does four times.
OF_NUMBERS = 16
# Noise has an anchor once in so many bytes.
VALUES = 256
# Where few windows are looked at, less has to repeat in them: noise nearly never does as often.
OFTEN_IN_FEW = 1 / 64


def windows_of(blob: Pieces, start: int, end: int) -> Iterator[bytes]:
    """Yield what follows some places of a region, about as far as deflate reaches."""
    size = end - start
    count = min(MOST_WINDOWS, FEWEST_WINDOWS + size // ONE_MORE)
    window = REACH if size < LARGE else REACH * 3 // 2
    for place in places(start, end, count, window):
        piece, first, last = blob.window(place, window)
        yield piece[first:last]


def repeats_shortly(window: bytes, share: float) -> bool:
    """Tell whether more than a share of anchors and two rare bytes behind each stand again."""
    near = window[:NEAR]
    candidates = _rarest_first(window)
    more_than = share * (len(window) // VALUES)
    return any(
        rare_again(_pairs_behind(candidates[which], window), near, more_than)
        for which in TRIED_CANDIDATES
    )


def share_for(size: int) -> float:
    """Return the share for windows of a region of some size."""
    return OFTEN_IN_FEW if size < ONE_MORE else OFTEN


def has_frequent_bytes(window: bytes) -> bool:
    """Tell whether one of some bytes is frequent, as in numbers."""
    return window.count(_rarest_first(window)[-1], 0, NEAR) >= OF_NUMBERS


def _rarest_first(window: bytes) -> bytes:
    near = window[:NEAR]
    return bytes(sorted(near[-CANDIDATES:], key=near.count))


def _pairs_behind(anchor: int, window: bytes) -> Iterator[bytes]:
    """Yield the two bytes that follow each anchor, of as many as noise has."""
    place = window.find(anchor)
    for _ in range(len(window) // VALUES):
        if place < 0:
            return
        pair = window[place + 1 : place + 1 + PAIR]
        if anchor not in pair:
            yield pair
        place = window.find(anchor, place + 1)
