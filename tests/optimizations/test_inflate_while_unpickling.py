"""What is compressed is decompressed while it is unpickled: equal values, and faults are seen."""

import gzip
import io
import random
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizations.edits import DoesNotApply
from optimizations.inserted.metaflow.datastore import inflating as module
from optimizations.inserted.metaflow.datastore.inflating import inflating
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of
from tests.optimizations.test_unpickle_from_file import STORE

noise = random.Random(0).randbytes
LARGE = module.SMALL


class Damaged(Exception):
    """What metaflow calls a DataException."""


def read(packed, size=-1):
    file = inflating(io.BytesIO(packed), "somewhere", Damaged)
    return b"".join(iter(lambda: file.read(size), b""))


CONTENT = {
    "zeros": bytes(20_000_000),
    "noise": noise(LARGE),
    "words": b"some words " * 200_000,
    "noise, then zeros": noise(1_000_000) + bytes(3_000_000),
}


@pytest.mark.parametrize("size", [-1, 1_000_003, 777])
@pytest.mark.parametrize("name", CONTENT)
def test_all_is_read_in_any_steps(name, size):
    content = CONTENT[name][: 2_000_000 if size == 777 else None]
    assert read(gzip.compress(content), size) == content


def test_what_is_small_or_no_gzip_is_left_to_others():
    for packed in (b"", b"abc", gzip.compress(b"small"), gzip.compress(noise(LARGE - 1))):
        file = io.BytesIO(packed)
        assert inflating(file, "somewhere", Damaged) is None
        assert file.read() == packed


def test_what_compresses_best_is_large_however_small_its_file_is():
    for size in (LARGE, LARGE + 1):
        packed = gzip.compress(bytes(size), 9)
        assert read(packed) == bytes(size)
    assert inflating(io.BytesIO(gzip.compress(bytes(LARGE - 1))), "x", Damaged) is None


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 300_000), min_size=1, max_size=4), st.integers(0, 100))
def test_members_and_zeros_between_them_are_read_as_gzip_reads_them(sizes, zeros):
    members = [gzip.compress(noise(size)) + bytes(zeros) for size in [*sizes, LARGE]]
    packed = b"".join(members)[: -zeros or None]
    assert read(packed) == gzip.decompress(packed)


PACKED = gzip.compress(CONTENT["noise, then zeros"])


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(PACKED[:-8] + bytes(4) + PACKED[-4:], id="checksum"),
        pytest.param(PACKED[:-5] + b"\xff" + PACKED[-4:], id="its last byte"),
        pytest.param(PACKED[:500_000] + b"xyz" + PACKED[500_003:], id="content"),
        pytest.param(PACKED[:700_000] + PACKED[-4:], id="cut"),
        pytest.param(b"\x1f\x8b\x09" + PACKED[3:], id="header"),
        pytest.param(PACKED + b"rubbish" + PACKED[-4:], id="rubbish behind it"),
    ],
)
def test_damage_is_told_with_the_name_of_the_blob(damaged):
    with pytest.raises(Damaged, match="Could not unpack artifact 'somewhere': "):
        read(damaged)


@pytest.mark.parametrize("library", ["isal.isal_zlib", "zlib_ng.zlib_ng"])
def test_accelerators_read_the_same_and_see_the_damage(series, release_python, library):
    script = f"""
import gzip, io, random, {library}
from metaflow.datastore import inflating as module
module._library = lambda: {library}
content = random.Random(0).randbytes(1_000_000) + bytes(3_000_000)
packed = gzip.compress(content)
several = gzip.compress(content[:8193]) + bytes(9) + packed
print(*(module.inflating(io.BytesIO(each), "x", KeyError).read() == gzip.decompress(each)
    for each in (packed, several)))
for damaged in (packed[:-8] + bytes(4) + packed[-4:], packed[:900_000] + packed[-4:]):
    try:
        module.inflating(io.BytesIO(damaged), "x", KeyError).read()
    except KeyError:
        print("refused")
"""
    finished = subprocess.run(
        [release_python(NEWEST), "-c", script],
        env={"PYTHONPATH": str(series.root(NEWEST, "after")), "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
    )
    assert (finished.stdout, finished.stderr) == ("True True\nrefused\nrefused\n", "")


VALUES = """
values = dict(
    text="word " * 300_000, zeros=bytes(3_000_000), parts=[noise(700_000), bytes(700_000)] * 2,
    many=[{"name": str(i)} for i in range(60_000)], small="word " * 10_000, empty="",
)
values["same"] = values["text"]
save(**values)
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_values_are_those_of_before(python, version):
    script = """
loaded = dict(load(*values))
print(loaded == values, loaded["text"] is loaded["same"], open_files())
"""
    assert both(python, version, STORE + VALUES + script) == "True False []\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_damaged_artifacts_are_refused(python, version):
    script = """
for name in values:
    if name in ("small", "empty", "same"):
        continue
    save(**{name: values[name]})
    (blob,) = [each for each in Path("root/Flow/data").glob("*/*") if "_meta" not in each.name]
    stored = blob.read_bytes()
    middle = len(stored) // 2
    for damaged in (
        stored[:-8] + bytes(4) + stored[-4:],
        stored[:middle] + stored[-4:],
        stored[:middle] + bytes([stored[middle] ^ 255]) + stored[middle + 1 :],
    ):
        blob.write_bytes(damaged)
        try:
            load(name)
        except DataException as refusal:
            print(name, str(refusal).startswith("Could not unpack artifact"))
"""
    assert both(python, version, STORE + VALUES + script).count("True") == 12


def test_what_was_damaged_before_it_was_compressed_is_told_by_its_checksum(python):
    script = """
import gzip
values = [{"name": str(i)} for i in range(60_000)]
save(values=values)
(blob,) = [each for each in Path("root/Flow/data").glob("*/*") if "_meta" not in each.name]
stored = gzip.compress(gzip.decompress(blob.read_bytes()), 0)
for place in range(50, len(stored) - 8, len(stored) // 40):
    blob.write_bytes(stored[:place] + bytes([stored[place] ^ 255]) + stored[place + 1 :])
    try:
        load("values")
    except DataException as refusal:
        print(str(refusal).startswith("Could not unpack artifact"))
"""
    assert both(python, NEWEST, STORE + script).count("True") >= 40


def test_a_blob_of_several_names_is_decompressed_once(python):
    script = """
from metaflow.datastore.content_addressed_store import ContentAddressedStore
unpacked = []
unpack = ContentAddressedStore._unpack_v1
def count(self, file):
    unpacked.append(file)
    return unpack(self, file)
ContentAddressedStore._unpack_v1 = count
loaded = dict(load("text", "same", "small"))
print(loaded["text"] == loaded["same"] == values["text"], len(unpacked))
"""
    assert both(python, NEWEST, STORE + VALUES + script) == "True 2\n"


def test_what_is_not_read_to_its_end_is_closed(python):
    script = """
loading = task("r").load_artifacts(["text", "zeros"])
next(loading)
del loading
gc.collect()
print(open_files())
"""
    assert both(python, NEWEST, STORE + VALUES + script) == "[]\n"


def test_a_large_value_is_in_memory_once(python):
    script = """
save(value=bytes(8_000_000))
store = task("r")
tracemalloc.start()
((_, value),) = store.load_artifacts(["value"])
print(tracemalloc.get_traced_memory()[1] < 9_000_000)
"""
    assert python(NEWEST, "before", STORE + script) == "False\n"
    assert python(NEWEST, "after", STORE + script) == "True\n"


def test_it_refuses_where_no_files_are_handed_out(series):
    with pytest.raises(DoesNotApply, match="as_files: not found; unpickle_from_file adds it"):
        applied("inflate_while_unpickling", tree_of(series, NEWEST))
