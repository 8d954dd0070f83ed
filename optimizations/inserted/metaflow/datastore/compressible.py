"""What in a blob compression would make smaller, as a few samples of it tell.

Whoever asks waits for the answer: for zlib to compress what is noise takes ten times as long as all
of this, or more, from half a megabyte on.
"""

import zlib
from itertools import compress
from operator import not_
from typing import Any, Iterable, Iterator, List, Set, Tuple

from .pieces import Pieces

# Content of several kinds is taken apart down to this size, by groups that are looked at on their
# own.
SEGMENT = 1024 * 1024
GROUPS = 8
# Where one kind ends is found up to this size.
FINEST = 64 * 1024
# What is looked at for all groups together (and a window more for each): slices for how small they
# become, places for whether what stands there follows once more at once, and windows for what
# repeats in them.
SLICES = 40
SLICE = 256
PLACES = 48
NEEDLE = 8
AT_ONCE = 1024
WINDOWS = 4
WINDOW = 64 * 1024
# In less than one segment so many slices and places tell as much; fewer windows miss more.
FEWER = 24
# Where what is sampled of a window begins: behind each of so many bytes of one value.
CANDIDATES = 8
ANCHORS = 256
ANCHORED = 3
# With two only, of rare bytes, as little as three bytes repeat, the anchor among them: more than
# this share of them is worth a search. By accident, or of floating-point numbers, fewer do.
PAIR = 2
OFTEN = 1 / 16
# Of a frequent byte, in so much of a window are so many.
NEAR = 1024
FREQUENT = 24
# What repeats less often than this gains less than a tenth; noise does so by accident.
SELDOM = 0.02
ACCIDENTS = 3
# Deflate finds what repeats within this distance.
REACH = 32 * 1024
# What compresses to more than this share of its size is not worth the time.
HARDLY = 0.92
# Up to here slices are not enough to tell. Samples are: each shows a little less than is to gain.
PERHAPS = 0.96
SAMPLES = 8
SAMPLE = 4096
SPACED = 128 * 1024
HARDLY_IN_SAMPLES = 0.928
# What deflate adds to what does not shrink.
STORED = 5
# What is looked at first, in what is not one of several groups: whether more stands there again, in
# the reach of deflate, and whether so few different bytes do that codes for them are enough.
FIRST_PLACES = 2
LONG_NEEDLE = 32
FIRST_SLICES = 4
FEWEST_VALUES = 156
# One slice has by so many more different values of its bytes than another by accident, at most.
UNEVEN = 48
EACH_VALUE = bytes(range(256))


def parts_of(blob: Pieces) -> List[Tuple[int, int, bool]]:
    """Return start, end and whether compression is worth it, for each part of its own kind."""
    size = len(blob)
    if size < 2 * SEGMENT:
        return [(0, size, _gains(blob, 0, size, 1))]
    gains = [_gains(blob, *edges, GROUPS) for edges in divided(size, GROUPS)]
    if all(gains):
        return [(0, size, True)]
    if not any(gains):
        return [(0, size, False)]
    segments = list(divided(size, -(-size // SEGMENT)))
    worth = [_gains(blob, *edges, 1) for edges in segments]
    segment = size // len(segments)
    parts = []
    start = 0
    for (end, _), before, after in zip(segments[1:], worth, worth[1:]):
        if before != after:
            # Never back behind where the last part ended.
            edge = max(start, _edge(blob, end, end + (segment if after else -segment)))
            parts.append((start, edge, before))
            start = edge
    return _merged([*parts, (start, size, worth[-1])])


def _merged(parts: List[Tuple[int, int, bool]]) -> List[Tuple[int, int, bool]]:
    """Join neighbours of one kind, and leave out what is empty."""
    merged: List[Tuple[int, int, bool]] = []
    for start, end, worth in parts:
        if merged and merged[-1][2] == worth:
            start = merged.pop()[0]
        if start < end:
            merged.append((start, end, worth))
    return merged


def _edge(blob: Pieces, within: int, beyond: int) -> int:
    """Return where a part that gains nothing ends, up to a little."""
    while abs(beyond - within) > FINEST:
        middle = (within + beyond) // 2
        if _gains(blob, min(within, middle), max(within, middle), 4):
            beyond = middle
        else:
            within = middle
    return within


def divided(size: int, count: int) -> Iterator[Tuple[int, int]]:
    """Yield start and end of each of some parts, about as large as each other."""
    for number in range(count):
        yield size * number // count, size * (number + 1) // count


def _gains(blob: Pieces, start: int, end: int, groups: int) -> bool:
    """Tell by samples whether one of some groups would become smaller by more than a little."""
    windows = repeats(blob, start, end, 1 + WINDOWS // groups)
    count = (FEWER if len(blob) < SEGMENT else PLACES) // groups
    samples = _shrinks(blob, start, end, groups)
    # In this order, for that is how soon each tells.
    return (
        (groups == 1 and _gains_clearly(blob, start, end))
        or next(windows)
        or repeating(blob, start, end, NEEDLE, count, AT_ONCE)
        or next(samples)
        or any(windows)
        or any(samples)
    )


def _gains_clearly(blob: Pieces, start: int, end: int) -> bool:
    """Tell what is quickest to see; for the groups of a large blob it would be too often."""
    return (
        repeating(blob, start, end, LONG_NEEDLE, FIRST_PLACES, REACH, FIRST_PLACES)
        or len(set(slices_of(blob, start, end, FIRST_SLICES, SLICE))) < FEWEST_VALUES
    )


def repeats(blob: Pieces, start: int, end: int, windows: int) -> Iterator[bool]:
    """Tell after each of some windows whether more than a little of them repeats."""
    again = every = 0
    window = min(WINDOW, end - start)
    for place in places(start, end, windows, window):
        piece, first, last = blob.window(place, window)
        near = piece[first : first + NEAR]
        followed = _behind_anchors(piece, first, last, near)
        every += len(followed)
        pairs = len(followed) - len({each[:PAIR] for each in followed})
        if pairs <= ACCIDENTS:
            # What is longer repeats no more often: counted as if it did as often, it takes least
            # time to see that this is little.
            again += pairs
            yield again > max(ACCIDENTS, SELDOM * every)
            continue
        again += len(followed) - len({each[:ANCHORED] for each in followed})
        yield again > max(ACCIDENTS, SELDOM * every) or (
            pairs > OFTEN * ANCHORS
            and rare_again((each[:PAIR] for each in followed), near, OFTEN * ANCHORS)
        )


def _shrinks(blob: Pieces, start: int, end: int, groups: int) -> Iterator[bool]:
    """Tell after slices, and if these are not enough after each of some samples."""
    count = FEWER if len(blob) < SEGMENT else SLICES
    slices = slices_of(blob, start, end, count // groups, SLICE)
    share = compressed_size(slices) / len(slices)
    # Few slices show the more of a table's size, and the less of what there is to gain.
    if share > PERHAPS + 0.002 * groups:
        yield _share_by_kind(slices) < HARDLY
        return
    yield share < HARDLY or _share_by_kind(slices) < HARDLY
    # Together, slices of parts that differ, as those of a photo do, hide what each would gain.
    count = max(1, min(SAMPLES // groups, (end - start) // SPACED))
    left = HARDLY_IN_SAMPLES * count * SAMPLE
    for place in places(start, end, count, SAMPLE):
        left -= compressed_size(blob[place : place + SAMPLE])
        count -= 1
        # Whatever the others become: they are stored where they do not shrink.
        yield left > count * (SAMPLE + STORED)


def _share_by_kind(slices: bytes) -> float:
    """Tell how small joined slices become, those of few different bytes on their own.

    One table for them and for others hides what each would gain.
    """
    each = [slices[place : place + SLICE] for place in range(0, len(slices), SLICE)]
    different = [SLICE - len(EACH_VALUE.translate(None, one)) for one in each]
    least, most = min(different), max(different)
    if most - least <= UNEVEN:
        return 1.0
    of_few = [2 * count < least + most for count in different]
    kinds = [compress(each, of_few), compress(each, map(not_, of_few))]
    return sum(compressed_size(b"".join(kind)) for kind in kinds) / len(slices)


def rare_again(pairs: Iterable[bytes], near: bytes, more_than: float) -> bool:
    """Tell whether so many pairs of bytes, none of them frequent, have stood there before."""
    seen: Set[bytes] = set()
    again = 0
    for pair in pairs:
        if pair in seen and len(pair) == PAIR and max(map(near.count, pair)) < FREQUENT:
            again += 1
            if again > more_than:
                return True
        seen.add(pair)
    return False


def _behind_anchors(piece: bytes, start: int, end: int, near: bytes) -> List[bytes]:
    """Return what follows each byte of one value, up to the next: of what repeats, the same."""
    # One that is not everywhere, as the exponent of floating-point numbers is.
    anchor = min(near[-CANDIDATES:], key=near.count)
    return piece[start:end].split(b"%c" % anchor, ANCHORS)[1:]


def slices_of(blob: Pieces, start: int, end: int, count: int, size: int) -> bytes:
    """Return some slices of a region, joined."""
    views: List[Any] = []
    for place in places(start, end, count, size):
        views += blob.views(place, place + size)
    return b"".join(views)


def repeating(
    blob: Pieces, start: int, end: int, size: int, count: int, reach: int, enough: int = 1
) -> bool:
    """Tell at enough places whether some bytes stand once more within what follows them."""
    found = 0
    for place in places(start, end, count, size):
        piece, first, last = blob.window(place, reach)
        found += piece.find(piece[first : first + size], first + 1, last) >= 0
        if found == enough:
            return True
    return False


def places(start: int, end: int, count: int, size: int) -> Iterator[int]:
    """Yield where samples begin: all over a region, and never in step with what repeats in it."""
    step = (end - start - size) / count
    for number in range(count):
        # The golden ratio's multiples spread most evenly.
        shift = (start // 512 + size + number) * 0.6180339887498949 % 1
        yield start + int(step * (number + shift))


def compressed_size(sample: bytes) -> int:
    """Return to how many bytes a sample of a few kilobytes is compressed."""
    # What zlib allocates by default costs more than compressing them.
    compressor = zlib.compressobj(1, zlib.DEFLATED, -12, 7)
    return len(compressor.compress(sample)) + len(compressor.flush())
