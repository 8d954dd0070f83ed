"""Large artifacts are read into huge pages where the system has them; values stay what they are."""

import ctypes
import io
import mmap
import os
import pickle
import platform
import random
import subprocess
import sys
from pathlib import Path

import pytest

from optimizations.edits import DoesNotApply
from optimizations.inserted.metaflow.datastore import advised_memory
from optimizations.inserted.metaflow.datastore.advised_memory import (
    BUFFERED,
    HEADERS,
    HUGE,
    LARGE,
    TOUCHED,
    advised,
)
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of
from tests.optimizations.test_unpickle_from_file import STORE

CONTENT = random.Random(0).randbytes(LARGE + 100_000)


needs_linux = pytest.mark.skipif(
    not (hasattr(mmap, "MADV_HUGEPAGE") and Path("/proc/self/statm").exists()),
    reason="only Linux has huge pages",
)


def read(content):
    target = bytearray(len(content))
    assert advised(io.BufferedReader(io.BytesIO(content))).readinto(target) == len(content)
    return target


@pytest.fixture
def advice(monkeypatch):
    given = []
    monkeypatch.setattr(advised_memory, "_madvise", lambda ctypes: lambda *each: given.append(each))
    return given


@needs_linux
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


@needs_linux
def test_the_system_takes_the_advice(monkeypatch):
    returned = []
    real = advised_memory._madvise(ctypes)
    monkeypatch.setattr(
        advised_memory, "_madvise", lambda ctypes: lambda *each: returned.append(real(*each))
    )
    assert read(CONTENT) == CONTENT
    assert returned == [0]


def placed_one_below_the_other():
    """Tell whether the kernel places large memory right below what it placed last."""
    # Larger than what is left free between others.
    sizes = (100 * LARGE + 3 * mmap.PAGESIZE, 100 * LARGE + mmap.PAGESIZE)
    private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    try:
        memories = [mmap.mmap(-1, size, flags=private) for size in sizes]
    except OSError:
        return False
    first, then = (ctypes.addressof(ctypes.c_char.from_buffer(each)) for each in memories)
    return then + sizes[1] == first


def address_space():
    return int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE


LOADED = """
import ctypes, mmap, pickle, sys
sys.path.insert(0, sys.argv[1])
import advised_memory
from advised_memory import HUGE, TOUCHED, _address
def private(size):
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
path, length, unlucky = sys.argv[2], int(sys.argv[3]), sys.argv[4] == "True"
if unlucky:
    # The room for it would have a length that the kernel places where a huge page can begin.
    with private(length) as memory:
        too_high = (_address(memory) + TOUCHED) % HUGE
    pad = private(8 * HUGE + too_high) if too_high else None
    with private(length) as memory:
        assert (_address(memory) + TOUCHED) % HUGE == 0
asked = []
ask = advised_memory._ask_for_huge_pages
advised_memory._ask_for_huge_pages = lambda target: [asked.append(len(target)), ask(target)]
with open(path, "rb") as file:
    value = pickle.load(advised_memory.advised(file))
print(id(value), value == pickle.load(open(path, "rb")), len(asked) == 1)
"""


@needs_linux
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="malloc is not glibc's")
@pytest.mark.parametrize("unlucky", [False, True])
@pytest.mark.parametrize("size", [LARGE + BUFFERED, 5_000_000, 8_000_000, 20_000_001])
def test_a_huge_page_begins_behind_what_is_touched_before(tmp_path, size, unlucky):
    if not placed_one_below_the_other():
        pytest.skip("this kernel places large memory in another way")
    path = tmp_path / "pickled"
    path.write_bytes(pickle.dumps(random.Random(1).randbytes(size), protocol=4))
    length = -(-(path.stat().st_size + HEADERS) // mmap.PAGESIZE) * mmap.PAGESIZE
    folder = Path(advised_memory.__file__).parent
    command = [sys.executable, "-c", LOADED, folder, path, str(length), str(unlucky)]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GLIBC", "LD_PRELOAD", "MALLOC", "PYTHON"))
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    place, equal, at_once = done.stdout.split()
    if at_once != "True":
        pytest.skip("this Python reads large bytes in parts")
    assert BUFFERED < -int(place) % HUGE <= TOUCHED + mmap.PAGESIZE
    assert equal == "True"


@needs_linux
def test_addresses_that_are_taken_are_given_back_when_the_bytes_have_their_place(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    target = bytearray(len(CONTENT))
    with path.open("rb") as file:
        before = address_space()
        reader = advised(file)
        assert address_space() - before >= len(CONTENT)
        reader.readinto(target)
        assert address_space() - before < len(CONTENT) // 2
    assert target == CONTENT


def test_without_addresses_left_chance_decides(monkeypatch, tmp_path):
    def fail(*arguments, **options):
        raise OSError(12, "no memory")

    monkeypatch.setattr(mmap, "mmap", fail)
    assert_read_from_file(tmp_path)


def test_nothing_is_loaded_to_find_a_place(monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "ctypes")
    assert_read_from_file(tmp_path)
    assert "ctypes" not in sys.modules


def assert_read_from_file(folder):
    path = folder / "file"
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
