"""Large arrays are pickled to the same bytes, by way of copies in huge pages."""

import copyreg
import mmap
import pickle
import struct
import sys

import numpy
import pytest

from optimizations.edits import DoesNotApply
from optimizations.inserted.metaflow.datastore import array_copies
from optimizations.inserted.metaflow.datastore.advised_memory import HUGE, LARGE
from optimizations.inserted.metaflow.datastore.array_copies import _with_length, dump
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of
from tests.optimizations.test_unpickle_from_file import STORE

needs_huge_pages = pytest.mark.skipif(
    not hasattr(mmap, "MADV_HUGEPAGE"), reason="only Linux has huge pages"
)


class Written(list):
    write = list.append


class Own(numpy.ndarray):
    pass


def large(*shape, dtype="float64"):
    return numpy.random.default_rng(0).integers(0, 100, shape).astype(dtype)


ONE = large(600_000)
VALUES = {
    "one": ONE,
    "one that can't be written to": numpy.frombuffer(ONE.tobytes()),
    "rows": large(3, 250_000),
    "columns": large(300_000, 3).T,
    "every second": large(1_400_000)[::2],
    "the same twice": {"left": ONE, "right": [ONE, ONE.view()]},
    "bytes": large(LARGE, dtype="uint8"),
    "a byte less": large(LARGE - 1, dtype="uint8"),
    "dates": large(600_000).astype("datetime64[s]"),
    "records": numpy.zeros(400_000, [("number", "int64"), ("share", ">f4")]),
    "letters": numpy.full(100_000, "words", "U20"),
    "objects": numpy.array(["a"] * 600_000, dtype=object),
    "columns of one row": large(1, 600_000).T,
    "rows of one column": large(600_000, 1),
    "the other way round": ONE.astype(">f8"),
    "beside empty ones": [large(0), ONE, large(), large(0, 3)],
    "one text": numpy.array("word " * 1_000_000),
    "one record": numpy.zeros((), [("a", "f8", (1_000_000,))]),
    "a class of one's own": ONE.view(Own),
    "masked": numpy.ma.masked_array(ONE, ONE > 50),
    "among others": [b"x" * 70_000, large(700_000), "y" * 70_000, large(8), b"z" * 65_536],
    "large text": {"text": "word " * 1_000_000, "none": None},
}


def dumped(value, protocol=4):
    pieces = Written()
    dump(value, pieces, protocol)
    return pieces


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("name", VALUES)
def test_the_bytes_are_those_of_pickle(name, protocol):
    expected = pickle.dumps(VALUES[name], protocol)
    assert b"".join(dumped(VALUES[name], protocol)) == expected


@needs_huge_pages
@pytest.mark.parametrize("name, copies", [("one", 1), ("among others", 1), ("a byte less", 0)])
def test_what_is_large_lies_in_memory_of_its_own(name, copies):
    found = [piece for piece in dumped(VALUES[name]) if isinstance(piece, memoryview)]
    assert len(found) == copies
    assert all(isinstance(piece.obj, mmap.mmap) for piece in found)
    # Where a huge page can begin.
    assert all(numpy.frombuffer(piece, "u1").ctypes.data % HUGE == 0 for piece in found)


@needs_huge_pages
def test_an_array_that_changes_later_was_saved_as_it_was():
    array = ONE.copy()
    pieces = dumped(array)
    array[:] = 0
    assert numpy.array_equal(pickle.loads(b"".join(pieces)), ONE)


def test_a_system_without_huge_pages_gets_the_same(monkeypatch):
    monkeypatch.setattr(mmap, "MADV_HUGEPAGE", -1, raising=False)
    assert b"".join(dumped(ONE)) == pickle.dumps(ONE, 4)
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE")
    assert b"".join(dumped(ONE)) == pickle.dumps(ONE, 4)


def test_who_pickles_arrays_in_a_way_of_his_own_goes_on_to(monkeypatch):
    monkeypatch.setitem(copyreg.dispatch_table, numpy.ndarray, lambda array: (list, ("abc",)))
    assert pickle.loads(b"".join(dumped(ONE))) == ["a", "b", "c"]


def test_numpy_is_neither_loaded_nor_needed(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpy", None)
    assert pickle.loads(b"".join(dumped([1, 2]))) == [1, 2]


def test_lengths_beyond_4_gb_take_eight_bytes():
    header = array_copies.HEADER
    assert _with_length(b"abc" + header, 2**32 - 1) == b"abcB" + struct.pack("<I", 2**32 - 1)
    assert _with_length(b"abc" + header, 2**32) == b"abc\x8e" + struct.pack("<Q", 2**32)
    with pytest.raises(pickle.PicklingError, match="unknown way"):
        _with_length(b"abc", 2**32)


def test_a_copy_that_finds_no_place_is_told():
    class Copying(list):
        def write(self, piece):
            self.append(bytes(bytearray(piece)))

    with pytest.raises(pickle.PicklingError, match="unknown way"):
        dump(ONE, Copying(), 4)


def test_without_memory_it_is_left_to_pickle(monkeypatch):
    def fail(*arguments, **options):
        raise OSError(12, "no memory")

    monkeypatch.setattr(mmap, "mmap", fail)
    assert b"".join(dumped(ONE)) == pickle.dumps(ONE, 4)


SAVED = """
import hashlib, numpy
values = dict(
    noise=numpy.random.default_rng(0).random(700_000),
    zeros=numpy.zeros(2_000_000),
    both=[numpy.arange(1_000_000), "text " * 20_000],
    half=numpy.concatenate([numpy.random.default_rng(1).random(600_000), numpy.zeros(600_000)]),
)
save(**values)
keys = sorted(file.name for file in Path("root/Flow/data").glob("*/*"))
loaded = dict(load(*values))
try:
    from metaflow.datastore import array_copies, pieces
    assert any(isinstance(each, memoryview) for each in pieces.pickled(values["noise"], 4).pieces)
except ImportError:
    pass
print(keys, [pickle.dumps(loaded[name]) == pickle.dumps(values[name]) for name in values])
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_keys_and_values_are_those_of_before(python, version):
    assert both(python, version, STORE + SAVED).count("True") == 4


def test_it_refuses_where_nothing_is_pickled_in_pieces(series):
    tree = tree_of(series, NEWEST)
    with pytest.raises(DoesNotApply, match=r"pieces\.py: not found; pickle_in_pieces adds it"):
        applied("arrays_in_huge_pages", tree)
