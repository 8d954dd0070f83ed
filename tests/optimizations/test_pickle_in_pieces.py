"""Artifacts that stay in the pieces of their pickle: equal bytes, keys and files, no copy."""

import hashlib
import io
import pickle
import random

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizations.edits import DoesNotApply
from optimizations.inserted.metaflow.datastore.blob_compression import pack, unpack
from optimizations.inserted.metaflow.datastore.pieces import (
    Pieces,
    as_file,
    content_of,
    hexdigest,
    pickled,
    pieces_of,
)
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of
from tests.optimizations.test_unpickle_from_file import STORE

noise = random.Random(0).randbytes
VALUES = {
    "nothing": None,
    "one byte": b"x",
    "text whose UTF-8 is twice as long": "ö" * 65_000,
    "text and a little more": "ö" * 66_000,
    "a long number": 3**600_000,
    "small": {"a": [1, 2.5, "x"]},
    "bytes": noise(300_000),
    "bytes of one frame": noise(64 * 1024),
    "text": "wörter " * 100_000,
    "array": numpy.arange(200_000.0),
    "arrays of Fortran's order": [numpy.ones((400, 300), order="F"), numpy.arange(9)],
    "objects": numpy.array([{"a": 1}, "b" * 100_000], dtype=object),
    "many frames": [{"name": str(i), "values": list(range(20))} for i in range(5000)],
    "the same twice": [[noise(70_000)] * 3] * 2,
    "writable bytes": bytearray(noise(100_000)),
}


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("name", VALUES)
def test_the_bytes_are_those_of_dumps(name, protocol):
    expected = pickle.dumps(VALUES[name], protocol=protocol)
    blob = pickled(VALUES[name], protocol)
    assert bytes(blob) == expected
    assert len(blob) == len(expected)
    assert hexdigest(hashlib.sha1, blob) == hashlib.sha1(expected).hexdigest()


def test_bytes_are_not_copied_and_what_is_small_is_one_piece():
    value = noise(200_000)
    assert any(piece is value for piece in pieces_of(pickled(value, 4)))
    assert isinstance(pickled({"a": 1}, 4), bytes)


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1), st.integers(0), st.integers(0))
def test_a_range_of_pieces_is_that_of_their_sum(pieces, start, end):
    whole, joined = Pieces(pieces), b"".join(pieces)
    start, end = start % (len(joined) + 2), end % (len(joined) + 2)
    assert whole[start:end] == joined[start:end]
    assert len(whole) == len(joined)


def test_pieces_are_a_file_that_can_be_read_again():
    blob = Pieces([b"abc", b"", b"defg"])
    file = as_file(blob)
    assert isinstance(file, io.RawIOBase)
    assert file.readable() and file.seekable()
    assert content_of(file) is blob
    assert (file.read(2), file.tell(), file.read()) == (b"ab", 2, b"cdefg")
    assert file.seek(0) == 0
    assert io.BufferedReader(file).read() == b"abcdefg"
    assert blob.pieces == [b"abcdefg"]
    assert (blob[2:5], len(blob)) == (b"cde", 7)
    assert as_file(b"abc").read() == content_of(io.BytesIO(b"abc")) == b"abc"


@pytest.mark.parametrize("content", ["noise", "words", "noise, then zeros"])
@pytest.mark.parametrize("size", [1000, 70_000, 1_500_000])
def test_pieces_are_packed_as_their_sum_is(content, size):
    blob = {
        "noise": noise(2_000_000),
        "words": b"some words " * 200_000,
        "noise, then zeros": noise(2_000_000) + bytes(2_000_000),
    }[content]
    whole = pack(blob)
    packed = pack(Pieces([blob[place : place + size] for place in range(0, len(blob), size)]))
    if whole is None:
        assert packed is None
    else:
        assert unpack(bytes(packed)) == blob
        assert abs(len(packed) - len(whole)) <= 0.01 * len(whole)


# In releases of every age: the same keys, and files that hold the same.
SAVED = """
import gzip, hashlib
values = dict(
    noise=noise(300_000), text="word " * 100_000, parts=[noise(100_000), "b" * 100_000], number=7,
    zeros=bytes(3_000_000),
)
save(**values)
for file in sorted(Path("root/Flow/data").glob("*/*")):
    if not file.name.endswith("_meta"):
        raw = '"cas_raw": true' in file.with_name(file.name + "_meta").read_text()
        content = file.read_bytes() if raw else gzip.decompress(file.read_bytes())
        print(file.name, hashlib.sha1(content).hexdigest() == file.name)
print(dict(load(*values)) == values)
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_keys_and_content_are_those_of_before(python, version):
    said = both(python, version, STORE + SAVED)
    assert said.count("True") == 6


def test_a_storage_that_knows_nothing_of_pieces_is_given_a_file(python):
    script = """
import io

class Reading(LocalStorage):
    def save_bytes(self, path_and_bytes_iter, overwrite=False, len_hint=0):
        def read():
            for path, given in path_and_bytes_iter:
                file, meta = given if isinstance(given, tuple) else (given, None)
                assert isinstance(file, (io.RawIOBase, io.BufferedIOBase))
                assert file.readable() and file.seekable()
                first = file.read(10)
                file.seek(0)
                content = b"".join(iter(lambda: file.read(50_000), b""))
                assert content[:10] == first
                yield path, (io.BytesIO(content), meta) if meta else io.BytesIO(content)
        return super().save_bytes(read(), overwrite, len_hint)

values = dict(noise=noise(300_000), parts=[noise(100_000), "b" * 1_000_000])
shutil.rmtree("root", ignore_errors=True)
store = task("w", Reading)
store.init_task()
store.save_artifacts(iter(values.items()))
store.done()
print(dict(load(*values)) == values)
"""
    assert both(python, NEWEST, STORE + script) == "True\n"


def test_what_cannot_be_pickled_is_refused_in_the_same_words(python):
    script = """
from metaflow.datastore.exceptions import UnpicklableArtifactException
try:
    save(fine=1, value=(each for each in "abc"))
except UnpicklableArtifactException as refusal:
    print(refusal)
"""
    assert "value" in both(python, NEWEST, STORE + script)


def test_the_serializer_still_returns_bytes_to_others(python):
    script = """
from metaflow.plugins.datastores.serializers.pickle_serializer import PickleSerializer
(blob,), described = PickleSerializer.serialize([b"x" * 100_000])
print(type(blob.value).__name__, described.size == len(blob.value), pickle.loads(blob.value)[0][:3])
"""
    assert both(python, NEWEST, STORE + script) == "bytes True b'xxx'\n"


def test_a_large_value_is_saved_without_a_copy(python):
    script = """
value = noise(4_000_000)
tracemalloc.start()
save(value=value)
print(tracemalloc.get_traced_memory()[1] < 3_000_000)
"""
    assert python(NEWEST, "before", STORE + script) == "False\n"
    assert python(NEWEST, "after", STORE + script) == "True\n"


def test_it_refuses_another_way_to_pickle(series):
    path = "metaflow/datastore/content_addressed_store.py"
    text = (series.root(NEWEST, "before") / path).read_text()
    changed = {path: text.replace("sha1(blob).hexdigest()", "sha256(blob).hexdigest()")}
    with pytest.raises(DoesNotApply, match=r"sha1\(blob\)\.hexdigest\(\)`: not found"):
        applied("pickle_in_pieces", tree_of(series, NEWEST, **changed))
