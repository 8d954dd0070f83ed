"""With isal, with zlib-ng and with neither: what is stored is read by all, and stays small."""

import json
import os
import pickle
import random
import subprocess
from array import array

import pytest

from benchmarks.payloads import make_payload
from tests.optimizations.mixtures import large, mixture, sampled_mixture, with_noise
from tests.optimizations.optimized_releases import NEWEST, VERSIONS
from tests.optimizations.test_short_repeats import keys_and_noise

LIBRARIES = {
    "isal": ("isal.isal_zlib", ()),
    "zlib-ng": ("zlib_ng.zlib_ng", ("isal",)),
    "neither": ("zlib", ("isal", "zlib_ng")),
}
BLOBS = """
import gzip, os, pickle, random, sys
for name in {absent}:
    sys.modules[name] = None
chosen = random.Random(0)
noise = chosen.randbytes
words = [noise(chosen.randrange(1, 9)).hex() for _ in range(2000)]
text = " ".join(chosen.choices(words, k=500_000)).encode()
floats = pickle.dumps([chosen.random() for _ in range(250_000)])
def syllables(count):
    known = [noise(3) for _ in range(count)]
    return b"".join(chosen.choice(known) + noise(chosen.randrange(4)) for _ in range(14_000))
def records(count, size=5, more=3):
    known = [noise(size) for _ in range(count)]
    return b"".join(each + noise(more) for _ in range(60) for each in known)
def by_turns(content, parts):
    size = len(content) // parts
    return b"".join(
        noise(size) if number % 2 else content[number * size // 2 :][:size]
        for number in range(parts)
    )
blobs = {{
    "nothing": b"", "text": text, "floats": floats, "noise": noise(700_000),
    "mixture": noise(2_000_000) + bytes(2_000_000) + text, "repeats": noise(20_000) * 50,
    # Short matches only, which isal and zlib-ng find few of.
    **{{f"{{count}} syllables": syllables(count)[:60_000] for count in (500, 1000, 2000)}},
    # As far away as deflate looks, and each record has something of its own.
    **{{f"{{count}} records, {{size}}": records(count)[:size]
        for count in (2500, 3000, 3750) for size in (60_000, 200_000)}},
    # Noise hides the rest: from the fastest level, from few samples, or from both.
    "few values and noise": by_turns(bytes(chosen.choices(range(64), k=100_000)), 2),
    "more values and noise": by_turns(bytes(chosen.choices(range(100), k=200_000)), 3),
    **{{f"{{each}} records and noise": by_turns(records(*each)[:size], parts)
        for each, size, parts in (
            ((1500, 6, 2), 50_000, 4), ((1500, 4, 3), 100_000, 3), ((2500, 4, 2), 200_000, 2),
        )}},
    "short words": b"".join(
        chosen.choices([noise(3 + i % 3) for i in range(3000)], k=16_000)
    )[:60_000],
    "far repeats": noise(600_000) * 3, "few values": bytes(chosen.choices(range(9), k=900_000)),
    **{{f"text of {{size}}": text[:size] for size in (49151, 49152, 65535, 65536, 300_000)}},
    **{{f"floats of {{size}}": floats[:size] for size in (49151, 49152, 65535, 65536, 300_000)}},
}}
"""
PACK = (
    BLOBS
    + """
import json
from metaflow.datastore import blob_compression
print(blob_compression._library().__name__)
print(blob_compression._compressor(1, 31, b"").__class__.__module__)
for name, blob in blobs.items():
    packed = blob_compression.pack(blob)
    stored = blob if packed is None else bytes(packed)
    if packed is not None:
        assert gzip.decompress(stored) == blob == blob_compression.unpack(stored), name
    usual = gzip.compress(blob, 3)
    assert blob_compression.unpack(usual) == blob, name
    print(json.dumps([name, len(stored), len(usual), "text" in name]))
"""
)
MIXED = """
import gzip, pickle, sys
for name in {absent}:
    sys.modules[name] = None
from metaflow.datastore import blob_compression
for seed, blob in pickle.load(open("mixtures", "rb")):
    packed = blob_compression.pack(blob)
    stored = blob if packed is None else bytes(packed)
    assert packed is None or gzip.decompress(stored) == blob, seed
    growth = len(stored) / len(gzip.compress(blob, 3))
    if growth > 1.10:
        print(seed, len(blob), growth)
print("looked at all")
"""
DAMAGED = (
    BLOBS
    + """
from metaflow.datastore import blob_compression
packed = gzip.compress(text)
for damaged in (
    packed * 2, packed + bytes(8), packed + b"x", packed[:-1], packed[:1000], b"", b"abc",
    packed[:-4] + bytes(4), packed[:-8] + bytes(4) + packed[-4:], b"\\x1f\\x8b\\x09" + packed[3:],
    packed[:5000] + bytes([packed[5000] ^ 255]) + packed[5001:],
):
    assert blob_compression.unpack(damaged) is None, damaged[:10]
print("left to gzip")
"""
)
COUNTED = (
    BLOBS
    + """
import base64
from metaflow.datastore import blob_compression
library = blob_compression._fast_zlib()[0]
fed = []
class Counted:
    def __init__(self, compressor):
        self.compressor = compressor
    def compress(self, piece):
        fed.append(len(piece))
        return self.compressor.compress(piece)
    def flush(self, *mode):
        return self.compressor.flush(*mode)
def counted(compressobj):
    return lambda *args, **named: Counted(compressobj(*args, **named))
for module in {{blob_compression.zlib, library}}:
    module.compressobj = counted(module.compressobj)
for distance in (1, 500, 2000, 10_000):
    for size in (49_152, 56_000, 65_535):
        fed.clear()
        repeated = (noise(distance) * (size // distance + 1))[:size]
        blob_compression.pack(repeated)
        # One byte again and again may be text, of which slices are looked at where that pays.
        is_text = blob_compression._is_text(repeated) and size >= blob_compression._text_from()
        assert sum(fed) == size + is_text * 2048, (distance, size, fed)
        fed.clear()
        blob_compression.pack(floats[:size])
        assert sum(fed) > size
# What repeats at the one place that is looked at, and gains nothing, is stored as it is.
once = noise(20_000) + bytes(80) + noise(40_000)
assert blob_compression._repeats_nearby(once)
assert blob_compression.pack(once) is None
# Nor are larger ones of what repeats, nor much of what zlib's fastest level is no faster on.
for size in (300_000, 700_000):
    for distance in (2000, 10_000):
        fed.clear()
        blob_compression.pack((noise(distance) * (size // distance + 1))[:size])
        assert sum(fed) == size, (distance, size, fed)
    if library is blob_compression.zlib:
        fed.clear()
        blob_compression.pack(base64.b64encode(noise(size))[:size])
        assert sum(fed) == size + 2048, (size, fed)
# Of noise that is large enough only some is looked at; what is smaller is compressed to see.
for size in (655_359, 655_360):
    fed.clear()
    assert blob_compression.pack(noise(size)) is None
    assert (sum(fed) >= size) == (size < 655_360), (size, sum(fed))
# Nor is it compressed once more where that gains nothing.
for size in (60_000, 100_000, 200_000):
    for each in (64, 1000, size):
        fed.clear()
        blob = pickle.dumps([noise(each) for _ in range(size // each)])
        blob_compression.pack(blob)
        assert sum(fed) < 1.1 * len(blob), (size, each, fed)
print("once")
"""
)
AS_FAST = """
import pickle, sys
for name in {absent}:
    sys.modules[name] = None
from metaflow.datastore import blob_compression
for name, blob in pickle.load(open("blobs", "rb")).items():
    stored = len(blob_compression.pack(blob))
    quick, usual = (len(blob_compression._gzip(blob, level)) for level in (1, 3))
    print(name, abs(stored - quick) < abs(stored - usual))
"""
STORE = """
from metaflow.datastore.content_addressed_store import ContentAddressedStore
from metaflow.plugins.datastores.local_storage import LocalStorage
store = ContentAddressedStore("data", LocalStorage(os.getcwd() + "/store"))
"""
SAVE = "print(*[result.key for result in store.save_blobs(iter(blobs.values()))])\n"
READ = """
found = dict(store.load_blobs({keys}))
print([found[key] for key in {keys}] == list(blobs.values()))
"""


@pytest.fixture
def accelerated(series, release_python, tmp_path):
    """Run a script with the series, in an environment that has both libraries."""

    def run(script, library, **values):
        absent = LIBRARIES[library][1]
        finished = subprocess.run(
            [release_python(NEWEST), "-c", script.format(absent=absent, **values)],
            env={"PYTHONPATH": str(series.root(NEWEST, "after")), "HOME": "/nonexistent"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert finished.stderr == ""
        return finished.stdout

    return run


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_it_writes_is_read_by_zlib_and_stays_small(accelerated, library):
    used, compressor, *found = accelerated(PACK, library).splitlines()
    assert used == LIBRARIES[library][0]
    assert compressor == used.split(".")[-1]
    assert len(found) == 33
    for name, stored, usual, is_text in map(json.loads, found):
        assert stored <= usual * (1.17 if is_text else 1.10) + 64, name


@pytest.mark.parametrize("made", [mixture, sampled_mixture, with_noise, large])
@pytest.mark.parametrize("library", LIBRARIES)
def test_mixtures_made_by_chance_stay_small(accelerated, tmp_path, library, made):
    # Set to some thousands to look for more.
    count = int(os.environ.get("MIXTURES", "300"))
    count = count // 10 if made in (sampled_mixture, large) else count
    mixtures = [(seed, made(seed)) for seed in range(count)]
    (tmp_path / "mixtures").write_bytes(pickle.dumps(mixtures))
    found = accelerated(MIXED, library)
    # All of it, for a report of what differs ends after some lines.
    assert found == "looked at all\n", found


@pytest.mark.parametrize("library", LIBRARIES)
def test_content_is_compressed_once_and_of_what_repeats_no_sample(accelerated, library):
    assert accelerated(COUNTED, library) == "once\n"


@pytest.mark.parametrize("library", ["isal", "zlib-ng"])
def test_large_photos_are_compressed_by_the_fast_library(accelerated, tmp_path, library):
    # Here and there three bytes of them repeat, as of what is to be left to zlib.
    photo = pickle.dumps(make_payload("photo-2MB"), 4)
    (tmp_path / "blobs").write_bytes(pickle.dumps({"photo": photo}))
    assert accelerated(AS_FAST, library) == "photo True\n"


@pytest.mark.parametrize("library", ["isal", "zlib-ng"])
def test_large_content_with_keys_somewhere_is_compressed_by_zlib(accelerated, tmp_path, library):
    chosen = random.Random(0)
    keys = b"".join(keys_and_noise(chosen, 500, 3, 1) for _ in range(14))
    few = bytes(chosen.choices(range(140), k=800_000))
    numbers = array("d", (chosen.random() for _ in range(100_000))).tobytes()
    blobs = {
        "keys": keys,
        "few-then-keys": few + keys[:800_000],
        "numbers-then-keys": numbers + keys[:800_000],
        "keys-few-keys": keys[:500_000] + few[:500_000] + keys[500_000:1_000_000],
    }
    (tmp_path / "blobs").write_bytes(pickle.dumps(blobs))
    assert "True" not in accelerated(AS_FAST, library)


def test_small_text_is_compressed_by_isal_and_left_alone_by_others(accelerated, tmp_path):
    chosen = random.Random(0)
    text = ",".join(f"{chosen.random():.6f}" for _ in range(6000)).encode()
    (tmp_path / "blobs").write_bytes(pickle.dumps({"text": text}))
    assert len(text) < 64 * 1024
    found = {library: accelerated(AS_FAST, library) for library in LIBRARIES}
    assert found == {"isal": "text True\n", "zlib-ng": "text False\n", "neither": "text False\n"}


@pytest.mark.parametrize("library", LIBRARIES)
def test_damage_and_several_members_are_left_to_gzip(accelerated, library):
    assert accelerated(DAMAGED, library) == "left to gzip\n"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("library", ["isal", "zlib-ng"])
def test_every_release_reads_it_and_it_reads_every_release(accelerated, python, library, version):
    keys = accelerated(BLOBS + STORE + SAVE, library).split()
    read = BLOBS + STORE + READ
    assert python(version, "before", read.format(absent=(), keys=keys)) == "True\n"
    save = (BLOBS + STORE + SAVE).format(absent=()).replace("/store", "/old")
    assert python(version, "before", save).split() == keys
    assert accelerated(read.replace("/store", "/old"), library, keys=keys) == "True\n"
