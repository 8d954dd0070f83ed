"""Several threads compress what is large: one gzip member, about as small, whatever happens."""

import gzip
import importlib
import os
import shutil
import sys
import threading

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from optimizations import several_threads
from optimizations.errors import DoesNotApply
from optimizations.several_threads import CHUNK, in_chunks, results_of, usable_cpus
from tests.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of
from tests.test_artifact_compression import CONTENT, allowed_size, noise, pieces, words

NEED_TWO = pytest.mark.skipif(usable_cpus() < 2, reason="one CPU: nothing is done by threads")
MODULES = ("blob_compression", "compressible", "pieces", "several_threads")


@pytest.fixture
def two_cpus(monkeypatch):
    monkeypatch.setattr(several_threads, "usable_cpus", lambda: 2)


@pytest.fixture(scope="module")
def compression(series, tmp_path_factory):
    """The module as the series has it, alone: compressed by zlib, whatever is installed."""
    folder = tmp_path_factory.mktemp("alone") / "compressing_alone"
    folder.mkdir()
    (folder / "__init__.py").touch()
    for name in MODULES:
        shutil.copy(series.root(NEWEST, "after") / f"metaflow/datastore/{name}.py", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder.parent))
        module = importlib.import_module("compressing_alone.blob_compression")
        patch.setattr(module, "_fast_zlib", lambda: (module.zlib, 1))
        patch.setattr(sys.modules["compressing_alone.several_threads"], "usable_cpus", lambda: 2)
        yield module


def check(compression, blob):
    packed = compression.pack(blob)
    if packed is not None:
        packed = bytes(packed)
        assert gzip.decompress(packed) == blob
        assert compression.unpack(packed) == blob
    found = blob if packed is None else packed
    assert len(found) <= allowed_size(blob)
    return found


def test_two_threads_work_at_once(two_cpus):
    meet = threading.Barrier(2, timeout=60)
    assert sorted(results_of([meet.wait, meet.wait])) == [0, 1]


@pytest.mark.parametrize("count", [0, 1, 2, 7, 200])
@pytest.mark.parametrize("cpus", [1, 2, 4])
def test_results_are_in_the_order_of_the_tasks(monkeypatch, count, cpus):
    monkeypatch.setattr(several_threads, "usable_cpus", lambda: cpus)
    tasks = [lambda number=number: number * number for number in range(count)]
    assert results_of(tasks) == [number * number for number in range(count)]


def test_where_no_thread_can_be_started_one_does_all(monkeypatch, two_cpus):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(several_threads.Thread, "start", refuse)
    callers = results_of([threading.get_ident] * 5)
    assert callers == [threading.get_ident()] * 5


def test_with_one_cpu_no_thread_is_started(monkeypatch):
    monkeypatch.setattr(several_threads, "usable_cpus", lambda: 1)
    monkeypatch.setattr(several_threads, "Thread", None)
    assert results_of([threading.get_ident] * 5) == [threading.get_ident()] * 5
    assert in_chunks([(0, 9 * CHUNK, True)], [1]) == ([(0, 9 * CHUNK, True)], [1])


@pytest.mark.parametrize("failing", ["first", "helper"])
def test_a_failure_is_raised_when_all_threads_are_at_rest(two_cpus, failing):
    first = threading.get_ident()
    meet = threading.Barrier(2, timeout=60)
    begun, ended = [], []

    def work():
        begun.append(0)
        meet.wait()
        if (threading.get_ident() == first) == (failing == "first"):
            raise MemoryError("no room")
        ended.append(0)

    with pytest.raises(MemoryError, match="no room"):
        results_of([work] * 2 + [lambda: None] * 100)
    assert len(begun) == 2
    assert len(ended) == 1
    assert not [thread for thread in threading.enumerate() if "help_out" in thread.name]


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK, 2 * CHUNK - 1, 2 * CHUNK, 2 * CHUNK + 1, 9 * CHUNK + 5]
)
def test_chunks_follow_each_other_and_none_is_small(two_cpus, size):
    parts, levels = in_chunks([(5, 5 + size, True), (5 + size, 7 + size, False)], [1, 3])
    assert parts[0][0] == 5
    assert parts[-1] == (5 + size, 7 + size, False)
    assert [end for _, end, _ in parts[:-1]] == [start for start, _, _ in parts[1:]]
    assert all(end - start >= min(size, CHUNK) for start, end, worth in parts if worth)
    assert len(parts) == max(1, size // CHUNK) + 1
    assert levels == [1] * (len(parts) - 1) + [3]


def test_what_is_stored_as_it_is_is_not_cut(two_cpus):
    part = (0, 9 * CHUNK, False)
    assert in_chunks([part], [1]) == ([part], [1])


@pytest.mark.parametrize("name", CONTENT)
def test_what_is_cut_is_about_as_small(compression, monkeypatch, name):
    blob = CONTENT[name] * 2
    cut = check(compression, blob)
    monkeypatch.setattr(sys.modules["compressing_alone.several_threads"], "usable_cpus", lambda: 1)
    # What is sparse loses most: each chunk begins with a table of its own.
    assert len(cut) <= 1.04 * len(check(compression, blob)) + 64


@settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(parts=st.lists(pieces, max_size=6), times=st.integers(30, 120))
@example(parts=[noise(30_000), bytes(3000)], times=120)
@example(parts=[words(40_000)], times=100)
def test_any_mixture_is_read_back(compression, parts, times):
    check(compression, b"".join(parts) * times)


def test_the_same_content_is_stored_as_the_same_bytes_however_threads_take_turns(compression):
    blob = words(6_000_000) + noise(3_000_000) + bytes(4_000_000)
    assert len({check(compression, blob) for _ in range(10)}) == 1


SAVED_AND_LOADED = """
import os, pickle, random
from metaflow.datastore.content_addressed_store import ContentAddressedStore
from metaflow.plugins.datastores.local_storage import LocalStorage
words = [random.Random(i).randbytes(4).hex() for i in range(999)]
text = " ".join(random.Random(0).choices(words, k=700_000)).encode()
blobs = [text, text + random.Random(0).randbytes(3_000_000) + bytes(9_000_000)]
store = ContentAddressedStore("data", LocalStorage(os.getcwd()))
print(keys := [result.key for result in store.save_blobs(iter(blobs))])
print([blob for _, blob in sorted(store.load_blobs(keys))] == [
    blob for _, blob in sorted(zip(keys, blobs))])
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_keys_and_content_are_those_of_the_release(python, version):
    assert "True" in both(python, version, SAVED_AND_LOADED)


WHO_COMPRESSES = """
import os, sys, threading, zlib
{first}
from metaflow.datastore import blob_compression, several_threads
used = set()
deflated = blob_compression._deflated
def noting(*arguments):
    used.add(threading.get_ident())
    return deflated(*arguments)
blob_compression._deflated = noting
blob_compression.pack(os.urandom(3_000_000).hex().encode())
print(several_threads.usable_cpus(), len(used) > 1)
"""


@NEED_TWO
def test_a_process_that_may_use_one_cpu_uses_one_thread(python):
    first = "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})"
    assert python(NEWEST, "after", WHO_COMPRESSES.format(first=first)) == "1 False\n"
    assert python(NEWEST, "after", WHO_COMPRESSES.format(first="")) == f"{usable_cpus()} True\n"


WHEN_THE_INTERPRETER_ENDS = """
import atexit, gzip, os
from metaflow.datastore import blob_compression
blob = os.urandom(3_000_000).hex().encode()
atexit.register(lambda: print(gzip.decompress(bytes(blob_compression.pack(blob))) == blob))
"""


def test_artifacts_are_saved_while_the_interpreter_ends(python):
    assert python(NEWEST, "after", WHEN_THE_INTERPRETER_ENDS) == "True\n"


def test_a_release_without_the_compression_refuses(series):
    with pytest.raises(DoesNotApply, match="artifact_compression adds it"):
        applied("compress_in_threads", tree_of(series, NEWEST))


def test_no_more_than_a_few_cpus_are_used(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    assert usable_cpus() == several_threads.MOST
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cpus() == 1
