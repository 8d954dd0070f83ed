"""Three bytes that repeat are seen between noise; noise and numbers are not taken for that."""

import random

import pytest

from optimizations.inserted.metaflow.datastore.blob_compression import _frequent_byte
from optimizations.inserted.metaflow.datastore.pieces import Pieces
from optimizations.inserted.metaflow.datastore.short_repeats import (
    OFTEN,
    OFTEN_IN_SMALL,
    repeats_shortly,
    windows_of,
)


def keys_and_noise(chosen, count, size, more):
    """Make known keys in any order, each with some random bytes."""
    known = [chosen.randbytes(size) for _ in range(count)]
    return b"".join(chosen.choice(known) + chosen.randbytes(more) for _ in range(20_000))


@pytest.mark.parametrize("count, size, more", [(300, 4, 2), (500, 3, 1), (1500, 5, 3)])
def test_keys_that_return_are_seen_between_noise(count, size, more):
    blob = Pieces([keys_and_noise(random.Random(0), count, size, more)[:60_000]])
    assert any(repeats_shortly(window, OFTEN) for window in windows_of(blob, 0, len(blob)))


@pytest.mark.parametrize("seed", range(20))
def test_noise_has_no_repeats_and_no_frequent_bytes(seed):
    blob = Pieces([random.Random(seed).randbytes(60_000)])
    for window in windows_of(blob, 0, len(blob)):
        assert not repeats_shortly(window, OFTEN_IN_SMALL)
        assert _frequent_byte(window) is None


def test_what_is_frequent_is_no_short_repeat():
    chosen = random.Random(0)
    numbers = b"".join(chosen.randrange(1 << 24).to_bytes(8, "little") for _ in range(7500))
    blob = Pieces([numbers])
    for window in windows_of(blob, 0, len(blob)):
        assert _frequent_byte(window) is not None
        assert not repeats_shortly(window, OFTEN_IN_SMALL)


@pytest.mark.parametrize("window", [bytes(50_000), b"abc" * 16_000])
def test_a_run_of_few_bytes_is_no_short_repeat(window):
    assert _frequent_byte(window) is not None
    assert not repeats_shortly(window, OFTEN_IN_SMALL)
