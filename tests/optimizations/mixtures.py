"""Made-up content of one to four kinds by turns: to look for what a few samples do not tell.

A seed gives the same mixture each time, with one version of Python.
"""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Sequence

# In KB. For all of these it is tried whether compression gains something.
SIZES = (48, 52, 56, 60, 63, 66, 80, 100, 128, 160, 250, 400, 620)
REGIONS = (1, 2, 3, 4, 8, 16, 64)
# Of these, samples tell.
SAMPLED_SIZES = (660, 800, 1000)
# Of what lies between noise.
SIZES_WITH_NOISE = (*SIZES, 660, 1000, 1500)
LARGE_SIZES = (1100, 1500, 1900, 2500, 3500)

# Makes as many bytes of its kind as it is asked for, or some more.
Kind = Callable[[int], bytes]


def noise(chosen: random.Random) -> Kind:
    """Return what makes random bytes."""
    return chosen.randbytes


def syllables(chosen: random.Random) -> Kind:
    """Return what makes known short pieces, each followed by some random bytes."""
    count = chosen.choice((50, 500, 4000))
    known = [chosen.randbytes(chosen.randrange(2, 7)) for _ in range(count)]
    more = chosen.randrange(2, 9)
    return lambda size: b"".join(
        chosen.choice(known) + chosen.randbytes(chosen.randrange(more)) for _ in range(size // 2)
    )


def records(chosen: random.Random) -> Kind:
    """Return what makes known keys in one order, again and again, each with a random value."""
    count = chosen.choice((100, 1500, 3500))
    known = [chosen.randbytes(chosen.randrange(2, 9)) for _ in range(count)]
    more = chosen.randrange(9)
    return lambda size: b"".join(
        key + chosen.randbytes(more) for _ in range(size // len(known) // 2 + 1) for key in known
    )


def values(chosen: random.Random) -> Kind:
    """Return what makes bytes that have some values only."""
    known = chosen.sample(range(256), chosen.choice((16, 64, 128, 180, 220)))
    return lambda size: bytes(chosen.choices(known, k=size))


def floats(chosen: random.Random) -> Kind:
    """Return what makes pickled floating-point numbers of so many digits."""
    digits = chosen.choice((2, 4, 17))
    return lambda size: pickle.dumps([round(chosen.random(), digits) for _ in range(size // 8)], 4)


def integers(chosen: random.Random) -> Kind:
    """Return what makes integers of a fixed width, none above some bound."""
    width, bound = chosen.choice((4, 8)), 1 << chosen.randrange(8, 25)
    return lambda size: b"".join(
        chosen.randrange(bound).to_bytes(width, "little") for _ in range(size // width + 1)
    )


def near_repeats(chosen: random.Random) -> Kind:
    """Return what makes the same stretch again and again, with some bytes changed."""
    stretch, changed = chosen.randbytes(chosen.choice((100, 5000, 25_000))), chosen.randrange(2, 30)

    def make(size: int) -> bytes:
        made = bytearray(stretch * (size // len(stretch) + 1))
        for _ in range(size * changed // 100):
            made[chosen.randrange(size)] = chosen.randrange(256)
        return bytes(made)

    return make


def keys(chosen: random.Random) -> Kind:
    """Return what makes some known keys in any order, each with one or two random bytes."""
    width, more = chosen.choice((2, 3, 3, 4)), chosen.randrange(1, 3)
    known = [chosen.randbytes(width) for _ in range(chosen.choice((1, 4, 16, 64, 300)))]
    return lambda size: b"".join(
        key + chosen.randbytes(more) for key in chosen.choices(known, k=size // (width + more) + 1)
    )


KINDS = (noise, syllables, records, values, floats, integers, near_repeats)


def mixture(seed: int, sizes: Sequence[int] = SIZES) -> bytes:
    """Return the mixture of a seed, of 48 to 620 KB or one of other sizes."""
    chosen = random.Random(seed)
    size = 1024 * chosen.choice(sizes)
    kinds = [chosen.choice(KINDS)(chosen) for _ in range(chosen.randrange(1, 5))]
    regions = chosen.choice(REGIONS) if len(kinds) > 1 else 1
    each = -(-size // regions)
    return b"".join(chosen.choice(kinds)(each)[:each] for _ in range(regions))[:size]


def sampled_mixture(seed: int) -> bytes:
    """Return the mixture of a seed, of 660 KB to 1 MB."""
    return mixture(seed, SAMPLED_SIZES)


def with_noise(seed: int) -> bytes:
    """Return one kind of short repeats and noise by turns, of 48 KB to 1.5 MB.

    It is made to fool samples, and does: some in a thousand grow by a little more than a tenth.
    """
    chosen = random.Random(seed)
    size = 1024 * chosen.choice(SIZES_WITH_NOISE)
    make = chosen.choice((keys, values))(chosen)
    regions = chosen.randrange(1, 17)
    each = -(-size // regions)
    share = int(each * chosen.choice((0.2, 0.3, 0.4, 0.5, 0.6, 0.8)))
    made = [make(share)[:share] + chosen.randbytes(each - share) for _ in range(regions)]
    return b"".join(made)[:size]


def large(seed: int) -> bytes:
    """Return two kinds of what hardly compresses by turns, of 1 to 3.5 MB."""
    chosen = random.Random(seed)
    size = 1024 * chosen.choice(LARGE_SIZES)
    kinds = [
        chosen.choice((noise, syllables, records, values, floats, keys))(chosen) for _ in range(2)
    ]
    regions = chosen.choice((1, 2, 3, 4, 8))
    each = -(-size // regions)
    return b"".join(kinds[region % 2](each)[:each] for region in range(regions))[:size]
