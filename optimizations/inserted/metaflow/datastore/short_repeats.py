"""Whether as little as three bytes repeat in a blob: zlib finds more of that than others do."""

from typing import Iterator, List

from .compressible import CANDIDATES, NEAR, OFTEN, PAIR, REACH, places, rare_again
from .pieces import Pieces

# How many windows are looked at: one more for each so many bytes.
FEWEST_WINDOWS = 2
MOST_WINDOWS = 4
ONE_MORE = 256 * 1024
# From this size on there is time for larger ones, in which what is nearly out of reach shows, too.
LARGE = 128 * 1024
# Of the candidates for an anchor, from the rarest on: one that keys may have in common, and one
# that is in few of them.
TRIED_CANDIDATES = (4, 0)
# Noise has an anchor once in so many bytes.
VALUES = 256
# Below this size less has to repeat: noise hardly ever does as often. Photos do, and are larger.
PHOTOS = 1024 * 1024
OFTEN_IN_SMALL = 1 / 64


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
    candidates = sorted(near[-CANDIDATES:], key=near.count)
    more_than = share * (len(window) // VALUES)
    found = (_pairs_behind(candidates[which], window) for which in TRIED_CANDIDATES)
    # It takes least time to see that none stands there again.
    return any(
        len(pairs) - len(set(pairs)) > more_than and rare_again(pairs, near, more_than)
        for pairs in found
    )


def share_for(size: int) -> float:
    """Return the share for windows of a region of some size."""
    return OFTEN_IN_SMALL if size < PHOTOS else OFTEN


def _pairs_behind(anchor: int, window: bytes) -> List[bytes]:
    """Return the two bytes that follow each anchor, of as many as noise has."""
    followed = window.split(b"%c" % anchor, len(window) // VALUES)[1:]
    return [each[:PAIR] for each in followed if len(each) >= PAIR]
