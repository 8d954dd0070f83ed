"""Large artifacts are read into huge pages where the system has them; values stay what they are."""

import ctypes
import io
import mmap
import random
import sys

import pytest

from optimizations import advised_memory
from optimizations.advised_memory import LARGE, advised
from optimizations.errors import DoesNotApply
from tests.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of
from tests.test_unpickle_from_file import STORE

CONTENT = random.Random(0).randbytes(LARGE + 100_000)


def read(content):
    target = bytearray(len(content))
    assert advised(io.BufferedReader(io.BytesIO(content))).readinto(target) == len(content)
    return target


@pytest.fixture
def advice(monkeypatch):
    given = []
    monkeypatch.setattr(advised_memory, "_madvise", lambda ctypes: lambda *each: given.append(each))
    return given


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="only Linux has huge pages")
def test_large_memory_is_advised_within_its_bounds(advice):
    target = bytearray(len(CONTENT))
    place = ctypes.addressof(ctypes.c_char.from_buffer(target))
    advised(io.BufferedReader(io.BytesIO(CONTENT))).readinto(target)
    ((start, size, what),) = advice
    assert start % mmap.PAGESIZE == 0
    assert place <= start < place + mmap.PAGESIZE
    assert place + len(CONTENT) - mmap.PAGESIZE < start + size <= place + len(CONTENT)
    assert what == mmap.MADV_HUGEPAGE
    assert target == CONTENT


def test_what_is_small_is_not(advice):
    assert read(CONTENT[: LARGE - 1]) == CONTENT[: LARGE - 1]
    assert not advice


def test_a_small_file_is_read_without_a_layer_between(tmp_path):
    path = tmp_path / "file"
    for size, alone in ((LARGE - 1, True), (LARGE, False), (0, True)):
        path.write_bytes(CONTENT[:size])
        with path.open("rb") as file:
            assert (advised(file) is file) == alone
            assert advised(file).read() == CONTENT[:size]


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="only Linux has huge pages")
def test_the_system_takes_the_advice(monkeypatch):
    returned = []
    real = advised_memory._madvise(ctypes)
    monkeypatch.setattr(
        advised_memory, "_madvise", lambda ctypes: lambda *each: returned.append(real(*each))
    )
    assert read(CONTENT) == CONTENT
    assert returned == [0]


@pytest.mark.parametrize("failure", [AttributeError, OSError])
def test_advice_that_can_not_be_given_does_no_harm(monkeypatch, failure):
    def fail(ctypes):
        raise failure("half imported, or linked statically")

    monkeypatch.setattr(advised_memory, "_madvise", fail)
    assert read(CONTENT) == CONTENT


def test_nothing_is_loaded_for_it_and_nothing_is_missed(advice, monkeypatch):
    monkeypatch.setitem(sys.modules, "ctypes", None)
    assert read(CONTENT) == CONTENT
    monkeypatch.undo()
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    assert read(CONTENT) == CONTENT
    assert not advice


@pytest.mark.parametrize("version", VERSIONS)
def test_values_are_those_of_before(python, version):
    script = """
import numpy
values = dict(
    noise=noise(5_000_000), zeros=bytes(9_000_000), text="word " * 1_000_000, list=[1, 2],
)
save(array=numpy.random.default_rng(0).random(700_000), **values)
loaded = dict(load("array", *values))
print((loaded.pop("array") == numpy.random.default_rng(0).random(700_000)).all(), loaded == values)
"""
    assert both(python, version, STORE + script) == "True True\n"


def test_it_refuses_where_no_file_is_unpickled(series):
    with pytest.raises(DoesNotApply, match="_load: not found; inflate_while_unpickling adds it"):
        applied("huge_pages", tree_of(series, NEWEST))
