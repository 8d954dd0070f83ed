"""Stored blobs: every release reads them, they stay small, and a kill does no harm."""

import gzip
import os
import pickle
import random
import signal
import subprocess
import sys
import textwrap
import time
from itertools import pairwise

import numpy
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmarks import payloads
from optimizations.inserted.metaflow.datastore import compressible
from optimizations.inserted.metaflow.datastore.blob_compression import pack, unpack
from optimizations.inserted.metaflow.datastore.compressible import parts_of
from optimizations.inserted.metaflow.datastore.pieces import Pieces
from tests.optimizations.optimized_releases import NEWEST, VERSIONS

MEGABYTE = 1_000_000


def noise(size, seed=0):
    return random.Random(seed).randbytes(size)


def words(size, seed=0):
    chosen = random.Random(seed)
    vocabulary = [noise(chosen.randrange(1, 9), i).hex() for i in range(2000)]
    return " ".join(chosen.choices(vocabulary, k=size // 4)).encode()[:size]


NUMBERS = random.Random(0)
CONTENT = {
    "nothing": b"",
    "one byte": b"x",
    "a few bytes": b"abc" * 5,
    "zeros": bytes(3 * MEGABYTE),
    "noise": noise(3 * MEGABYTE),
    "text": words(2 * MEGABYTE),
    "noise, then zeros": noise(2 * MEGABYTE) + bytes(2 * MEGABYTE),
    "zeros, then noise": bytes(2 * MEGABYTE) + noise(2 * MEGABYTE),
    "fine alternation": b"".join(noise(3000, i) + bytes(3000) for i in range(400)),
    "coarse alternation": b"".join(noise(400_000, i) + words(400_000, i) for i in range(5)),
    "near repeats": noise(20_000) * 100,
    "far repeats": noise(600_000) * 4,
    "a tenth of zeros": b"".join(noise(9000, i) + bytes(1000) for i in range(300)),
    "a fifth of zeros": b"".join(noise(8000, i) + bytes(2000) for i in range(300)),
    "compressed already": gzip.compress(words(4 * MEGABYTE)),
    "sparse": b"".join(noise(1, i) + bytes(99) for i in range(20_000)),
    "few values": bytes(random.Random(1).choices(range(4), k=MEGABYTE)),
    "six bits a byte": bytes(random.Random(1).choices(range(64), k=MEGABYTE)),
    "seven bits a byte": bytes(random.Random(1).choices(range(1, 128, 2), k=MEGABYTE)),
    "identifiers": b"".join(
        random.Random(2).choices([noise(16, i) for i in range(1500)], k=90_000)
    ),
    **{
        f"about {size} bytes": noise(size // 2) + bytes(size - size // 2)
        for bound in (16 * 1024, 64 * 1024, 640 * 1024, 1024 * 1024, 2 * 1024 * 1024)
        for size in (bound - 1, bound, bound + 1)
    },
    "numbers": pickle.dumps([NUMBERS.random() for _ in range(250_000)]),
    "numbers, then text": pickle.dumps([NUMBERS.random() for _ in range(99_000)]) + words(600_000),
    "a segment and a byte": noise(1024 * 1024 + 1),
}


def packed_bytes(blob):
    packed = pack(blob)
    return None if packed is None else bytes(packed)


def stored(blob):
    packed = packed_bytes(blob)
    return blob if packed is None else packed


def allowed_size(blob):
    """What the store of an unchanged release takes, and a tenth; text may take a little more."""
    usual = len(gzip.compress(blob, 3))
    is_text = blob[:100_000].isascii() and b"\0" not in blob[:100_000]
    return usual * (1.17 if is_text else 1.10) + 64


def check(blob):
    packed = packed_bytes(blob)
    if packed is not None:
        assert gzip.decompress(packed) == blob
        assert unpack(packed) == blob
    assert len(stored(blob)) <= allowed_size(blob)
    assert unpack(gzip.compress(blob, 3)) == blob


@pytest.mark.parametrize("blob", [pytest.param(CONTENT[name], id=name) for name in CONTENT])
def test_content_of_every_kind_is_read_back_and_stays_small(blob):
    check(blob)


def test_noise_is_stored_as_it_is_and_what_compresses_is_not():
    assert pack(CONTENT["noise"]) is None
    assert pack(CONTENT["compressed already"]) is None
    assert len(pack(CONTENT["noise, then zeros"])) < 2.1 * MEGABYTE
    assert len(pack(CONTENT["far repeats"]) or CONTENT["far repeats"]) <= 4 * 600_000 + 1000


def smallest_kinds(chosen):
    """What compresses to more than four fifths, or about so."""
    yield pickle.dumps([chosen.random() for _ in range(7000)])
    yield pickle.dumps({f"metric_{i}": chosen.gauss(0, 1) for i in range(2500)})
    yield bytes(chosen.choices(range(chosen.randrange(80, 256)), k=50_000))
    repeated = chosen.randbytes(chosen.randrange(300, 31_000))
    yield (repeated * 200)[:60_000]
    several = [chosen.randbytes(chosen.randrange(4, 400)) for _ in range(chosen.randrange(2, 200))]
    yield b"".join(chosen.choices([*several, chosen.randbytes(300)], k=600))[:60_000]
    half = chosen.randbytes(32_500)
    yield half + half
    period = chosen.randrange(2000, 30_000)
    same = chosen.randbytes(int(period * chosen.uniform(0.08, 0.25)))
    yield b"".join(chosen.randbytes(period - len(same)) + same for _ in range(33))[:66_000]
    noisy = int(66_000 * chosen.uniform(0.5, 0.9))
    yield chosen.randbytes(noisy) + words(66_000 - noisy, chosen.randrange(99))
    known = [chosen.randbytes(3) for _ in range(chosen.randrange(100, 3000))]
    yield b"".join(
        chosen.choice(known) + chosen.randbytes(chosen.randrange(6)) for _ in range(12_000)
    )
    yield chosen_from(chosen, chosen.choice([30, 300, 3000]), chosen.choice([4, 6, 9, 16]), 66_000)
    record = chosen.randbytes(chosen.randrange(3, 40))
    yield b"".join(record + chosen.randbytes(20) for _ in range(1200))


@pytest.mark.parametrize("seed", range(12))
def test_what_is_small_and_hardly_compresses_hardly_grows(seed):
    for blob in smallest_kinds(random.Random(seed)):
        for size in (48 * 1024 - 1, 48 * 1024, 50_000, 64 * 1024 - 1, 64 * 1024):
            check(blob[:size])


pieces = st.one_of(
    st.builds(noise, st.integers(1, 40_000), st.integers(0, 9)),
    st.builds(words, st.integers(8, 40_000), st.integers(0, 9)),
    st.builds(bytes, st.integers(1, 40_000)),
    st.binary(max_size=100),
)


@settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(pieces, max_size=6), st.integers(1, 40))
@example([noise(30_000), bytes(3000)], 40)
@example([noise(40_000)], 40)
def test_any_mixture_is_read_back_and_stays_small(parts, times):
    check(b"".join(parts) * times)


def amid_noise(chosen, make, size):
    """Pieces of noise, a part of each replaced by what compresses: near what is worth it."""
    length, share = chosen.randrange(2000, 60_000), chosen.uniform(0.08, 0.2)
    part = int(length * share)
    between = [chosen.randbytes(length - part) + make(part) for _ in range(size // length)]
    return b"".join(between)


def chosen_from(chosen, count, length, size):
    """Values of a few bytes, of which some are chosen from a list."""
    values = [chosen.randbytes(length) for _ in range(count)]
    share = chosen.uniform(0.2, 1)
    return b"".join(
        chosen.choice(values) if chosen.random() < share else chosen.randbytes(length)
        for _ in range(size // length)
    )


def seldom_gaining(kind, seed):
    """Content of a kind, of 260 KB to 1 MB, most of which is close to not being worth it."""
    chosen = random.Random(f"{kind} {seed}")
    size = chosen.randrange(260_000, 1_000_000)
    if kind == "far repeats":
        period = chosen.randrange(3000, 30_000)
        same = chosen.randbytes(int(period * chosen.uniform(0.08, 0.2)))
        return b"".join(chosen.randbytes(period - len(same)) + same for _ in range(size // period))
    if kind == "zeros":
        return amid_noise(chosen, bytes, size)
    if kind == "near repeats":
        repeated = chosen.randbytes(chosen.choice([40, 900, 9000]))
        return amid_noise(chosen, lambda part: (repeated * part)[:part], size)
    length = {"tokens": 4, "values": 8, "identifiers": 16}[kind]
    return chosen_from(chosen, chosen.choice([100, 1000, 4000]), length, size)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    "kind", ["far repeats", "near repeats", "zeros", "tokens", "values", "identifiers"]
)
def test_what_gains_little_more_than_is_worth_it_is_not_missed(kind, seed):
    check(seldom_gaining(kind, seed))


@settings(max_examples=30, derandomize=True, deadline=None)
@given(st.lists(st.sampled_from([0, 100_000, 700_000, 1_300_000]), min_size=2, max_size=7))
def test_parts_follow_each_other_and_hold_all_of_a_blob(sizes):
    kinds = [noise, words]
    blob = noise(300_000) + b"".join(kinds[i % 2](size, i) for i, size in enumerate(sizes))
    parts = parts_of(Pieces([blob[:1000], blob[1000:]]))
    assert [0, *(end for _, end, _ in parts)] == [*(start for start, _, _ in parts), len(blob)]
    assert all(before[2] != after[2] for before, after in pairwise(parts))
    check(blob)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.integers(2**21, 2**23), st.randoms())
def test_parts_are_in_order_whatever_is_seen(size, chance):
    blob = Pieces([bytes(size)])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(compressible, "_gains", lambda *place: chance.random() < 0.5)
        parts = parts_of(blob)
    assert [0, *(end for _, end, _ in parts)] == [*(start for start, _, _ in parts), size]
    assert all(start < end for start, end, _ in parts)
    assert all(before[2] != after[2] for before, after in pairwise(parts))


@pytest.mark.parametrize("seed", [2, 9, 15])
@pytest.mark.parametrize("name", ["_alternating", "_photo"])
def test_payloads_of_several_kinds_stay_small_whatever_the_seed(name, seed):
    check(pickle.dumps(getattr(payloads, name)(numpy.random.default_rng(seed)), 4))


def test_more_than_one_gzip_member_is_left_to_the_gzip_module():
    assert unpack(gzip.compress(b"a") + gzip.compress(b"bc")) is None
    assert unpack(gzip.compress(b"ab") + gzip.compress(b"cd")) is None
    assert unpack(gzip.compress(b"ab") * 2) is None
    assert unpack(gzip.compress(b"") * 2) is None
    large = gzip.compress(random.Random(1).randbytes(3_000_000) + bytes(5_000_000))
    assert unpack(large * 2) is None
    assert unpack(large + bytes(8)) is None
    assert unpack(large[:-1]) is None
    assert unpack(large[:1000] + b"\0" + large[1001:]) is None
    assert unpack(gzip.compress(b"ab")[:-9]) is None
    # Another size than there is, and another checksum.
    assert unpack(large[:-4] + bytes(4)) is None
    assert unpack(large[:-8] + bytes(4) + large[-4:]) is None
    assert unpack(b"") is None


STORE = """
    import os, pickle, random, sys
    from metaflow.datastore.content_addressed_store import ContentAddressedStore
    from metaflow.plugins.datastores.local_storage import LocalStorage
    noise = random.Random(0).randbytes
    blobs = [b"", b"x", noise(300_000), bytes(300_000), b"word " * 50_000,
             noise(1_200_000) + bytes(2_000_000), noise(3_000_000)]
    store = ContentAddressedStore("data", LocalStorage(os.getcwd() + "/store"))
"""
SAVE = STORE + "    print(*[result.key for result in store.save_blobs(iter(blobs))])\n"
READ = (
    STORE
    + """
    found = dict(store.load_blobs(KEYS))
    assert [found[key] for key in KEYS] == blobs
    print("equal")
"""
)


# Small ones, and some that several threads compress.
MANY = """blobs = [
        noise(50_000 + i) if i % 10 else noise(700_000 + i).hex().encode() for i in range(300)
    ] + ["""


def reading(keys):
    return READ.replace("KEYS", repr(keys))


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_reads_what_the_newest_writes(python, version):
    keys = python(NEWEST, "after", SAVE).split()
    assert python(version, "before", reading(keys)) == "equal\n"
    assert python(NEWEST, "after", reading(keys)) == "equal\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_newest_reads_what_every_release_wrote_under_the_same_keys(python, version):
    keys = python(version, "before", SAVE).split()
    assert python(NEWEST, "after", reading(keys)) == "equal\n"
    # Content that is there already is not written again.
    assert python(NEWEST, "after", SAVE).split() == keys


def test_a_kill_at_any_moment_leaves_a_store_that_all_can_use(python, series, tmp_path):
    script = SAVE.replace("blobs = [", MANY)
    keys = None
    for attempt in range(6):
        environment = os.environ | {
            "PYTHONPATH": str(series.root(NEWEST, "after")),
            "HOME": str(tmp_path),
            "METAFLOW_USER": "somebody",
        }
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(script)],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
        )
        folder = tmp_path / "store" / "data"
        while attempt < 5 and process.poll() is None:
            if len(list(folder.glob("*/*"))) > 90 * (attempt + 1):
                break
            time.sleep(0.001)
        if attempt < 5:
            process.send_signal(signal.SIGKILL)
        output, _ = process.communicate(timeout=60)
        for path in folder.glob("*/*_meta"):
            blob = path.with_name(path.name[: -len("_meta")])
            assert path.read_text().startswith('{"cas_raw"')
            assert not blob.exists() or blob.stat().st_size
        described = {path.name for path in folder.glob("*/*_meta")}
        complete = {path.name for path in folder.glob("*/*") if len(path.name) == 40}
        assert {f"{name}_meta" for name in complete} <= described
        keys = output.split()
    assert len(keys) == 307
    names = [key.decode() for key in keys]
    read = reading(names).replace("blobs = [", MANY)
    assert python("2.12.0", "before", read) == "equal\n"
