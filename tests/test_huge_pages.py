"""Large artifacts are read into huge pages where the system has them; values stay what they are."""

import ctypes
import io
import mmap
import pickle
import platform
import random
import subprocess
import sys
from pathlib import Path

import pytest

from optimizations import advised_memory
from optimizations.advised_memory import BUFFERED, HUGE, LARGE, TOUCHED, advised
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


def places_by_itself():
    """Tell whether the kernel places large memory at a multiple of a huge page's size."""
    large = [mmap.mmap(-1, size) for size in (LARGE + 3 * mmap.PAGESIZE, LARGE + mmap.PAGESIZE)]
    return all(ctypes.addressof(ctypes.c_char.from_buffer(each)) % HUGE == 0 for each in large)


LOADED = """
import ctypes, pickle, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from advised_memory import advised
def address_space():
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
before = address_space()
with open(sys.argv[2], "rb") as file:
    value = pickle.load(advised(file))
print(id(value), address_space() - before, value == pickle.loads(Path(sys.argv[2]).read_bytes()))
"""


@pytest.fixture
def loaded(tmp_path):
    """Load bytes in a new process; tell their place, and how many addresses more are taken."""

    def load(size):
        path = tmp_path / "pickled"
        path.write_bytes(pickle.dumps(random.Random(1).randbytes(size), protocol=4))
        command = [sys.executable, "-c", LOADED, Path(advised_memory.__file__).parent, path]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        place, taken, equal = done.stdout.split()
        assert equal == "True"
        return int(place), int(taken)

    return load


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc is not glibc's")
@pytest.mark.parametrize("size", [LARGE, 5_000_000, 8_000_000, 20_000_001])
def test_a_huge_page_begins_behind_what_is_touched_before(loaded, size):
    if places_by_itself():
        pytest.skip("this kernel places large memory by itself")
    place, taken = loaded(size)
    assert BUFFERED < -place % HUGE <= TOUCHED
    # What was taken above is given back.
    assert taken < size + HUGE


def test_without_addresses_left_chance_decides(monkeypatch, tmp_path):
    def fail(*arguments, **options):
        raise OSError(12, "no memory")

    monkeypatch.setattr(mmap, "mmap", fail)
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with path.open("rb") as file:
        assert advised(file).read() == CONTENT


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
