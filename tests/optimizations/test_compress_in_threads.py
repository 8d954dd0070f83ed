"""Several threads compress what is large: one gzip member, about as small, whatever happens."""

import gzip
import importlib
import os
import random
import shutil
import sys
import threading
import time
from itertools import accumulate, pairwise

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from optimizations.edits import DoesNotApply
from optimizations.inserted.metaflow.datastore import several_threads
from optimizations.inserted.metaflow.datastore.several_threads import (
    CHUNK,
    in_chunks,
    results_of,
    usable_cpus,
)
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, applied, tree_of
from tests.optimizations.test_artifact_compression import (
    CONTENT,
    allowed_size,
    noise,
    pieces,
    words,
)

NEED_TWO = pytest.mark.skipif(
    usable_cpus() < 2 or not hasattr(os, "sched_setaffinity"),
    reason="needs two CPUs, and a system that lets a process be kept to one",
)
MODULES = ("blob_compression", "compressible", "pieces", "several_threads", "short_repeats")


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
@pytest.mark.parametrize("failure", [MemoryError, KeyboardInterrupt])
def test_a_failure_is_raised_when_the_others_have_ended(two_cpus, failing, failure):
    first = threading.get_ident()
    meet = threading.Barrier(2, timeout=60)
    begun, ended = [], []

    def work():
        begun.append(0)
        meet.wait()
        if (threading.get_ident() == first) == (failing == "first"):
            raise failure("no more")
        # Until the other has failed.
        time.sleep(0.3)
        ended.append(0)

    with pytest.raises(failure, match="no more"):
        results_of([work] * 2 + [lambda: begun.append(1)] * 100)
    assert begun == [0, 0]
    assert ended == [0]
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


def test_cpus_are_counted_only_where_there_is_something_to_share(monkeypatch):
    monkeypatch.setattr(several_threads, "usable_cpus", None)
    parts = [(0, 2 * CHUNK - 1, True), (2 * CHUNK - 1, 9 * CHUNK, False)]
    assert in_chunks(parts, [1, 3]) == (parts, [1, 3])


CUT = [name for name in CONTENT if len(CONTENT[name]) > CHUNK and name != "noise"]


@pytest.mark.parametrize("name", CUT)
def test_what_is_cut_is_about_as_small(compression, monkeypatch, name):
    blob = CONTENT[name] * 2
    cut = check(compression, blob)
    monkeypatch.setattr(sys.modules["compressing_alone.several_threads"], "usable_cpus", lambda: 1)
    # What is sparse loses most: each chunk begins with a table of its own.
    assert len(cut) <= 1.04 * len(check(compression, blob)) + 64


def test_most_of_these_are_cut(compression):
    cut = 0
    for name in CUT:
        whole = compression.Pieces([CONTENT[name] * 2])
        parts = compression.parts_of(whole)
        cut += len(in_chunks(parts, [1] * len(parts))[0]) > len(parts)
    assert cut >= 7


@settings(max_examples=12, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
@given(parts=st.lists(pieces, max_size=6), times=st.integers(30, 120))
@example(parts=[noise(30_000), bytes(3000)], times=120)
@example(parts=[words(40_000)], times=100)
def test_any_mixture_is_read_back(compression, parts, times):
    check(compression, b"".join(parts) * times)


def test_pieces_of_any_size_are_cut_anywhere(compression):
    blob = words(3_000_000) + bytes(3_000_000) + words(2_000_000, 1)
    sizes = random.Random(0).choices([1, 7, 4096, 65_537, 900_001], k=400)
    ends = [0, *accumulate(sizes)]
    cut = [blob[start:end] for start, end in pairwise(ends)]
    packed = compression.pack(compression.Pieces([*cut, blob[ends[-1] :]]))
    assert bytes(packed) == bytes(compression.pack(blob))
    assert gzip.decompress(bytes(packed)) == blob


def test_the_same_content_is_stored_as_the_same_bytes_however_threads_take_turns(compression):
    blob = words(6_000_000) + noise(3_000_000) + bytes(4_000_000)
    assert len({bytes(compression.pack(blob)) for _ in range(10)}) == 1


STORE = """
import multiprocessing, os, random
from metaflow.datastore.content_addressed_store import ContentAddressedStore
from metaflow.plugins.datastores.local_storage import LocalStorage
words = [random.Random(i).randrange(2**40).to_bytes(5, "big").hex() for i in range(999)]
text = " ".join(random.Random(0).choices(words, k=400_000)).encode()
mixture = text + b"".join(random.Random(i).randbytes(9) for i in range(333_333)) + bytes(9_000_000)
store = ContentAddressedStore("data", LocalStorage(os.getcwd()))
"""
SAVE = """
print(*[result.key for result in store.save_blobs(iter([text, mixture]))])
"""
READ = """
found = dict(store.load_blobs({keys}))
print([found[key] for key in {keys}] == [text, mixture])
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_reads_it_under_the_same_keys(python, version):
    keys = python(NEWEST, "after", STORE + SAVE).split()
    assert python(version, "before", STORE + READ.format(keys=keys)) == "True\n"
    assert python(version, "before", STORE.replace('"data"', '"old"') + SAVE).split() == keys


IN_A_CHILD = """
list(store.save_blobs(iter([mixture])))
child = multiprocessing.get_context("fork").Process(
    target=lambda: print(*[each.key for each in store.save_blobs(iter([text]))], flush=True)
)
child.start()
child.join(60)
print(child.exitcode)
"""


def test_a_forked_child_saves_as_its_parent_did(python):
    key, code = python(NEWEST, "after", STORE + IN_A_CHILD).split()
    assert code == "0"
    assert (
        python(
            NEWEST,
            "before",
            STORE + READ.format(keys=[key, key]).replace("[text, mixture]", "[text, text]"),
        )
        == "True\n"
    )


WHO_COMPRESSES = """
import os, threading
{first}
from metaflow.datastore import blob_compression, several_threads
used = set()
deflated = blob_compression._deflated
second_is_there = threading.Event()
def noting(*arguments):
    used.add(threading.get_ident())
    if len(used) > 1:
        second_is_there.set()
    second_is_there.wait({wait})
    return deflated(*arguments)
blob_compression._deflated = noting
blob_compression.pack(os.urandom(3_000_000).hex().encode())
print(several_threads.usable_cpus(), len(used))
"""


@NEED_TWO
def test_a_process_that_may_use_one_cpu_uses_one_thread(python):
    one, two = (
        f"os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:{count}])" for count in (1, 2)
    )
    alone = python(NEWEST, "after", WHO_COMPRESSES.format(first=one, wait=0.1))
    assert alone == "1 0\n"
    assert python(NEWEST, "after", WHO_COMPRESSES.format(first=two, wait=60)) == "2 2\n"


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


@pytest.fixture
def many_cpus(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(64)), raising=False)
    monkeypatch.setattr(several_threads, "QUOTAS", ())


def test_no_more_than_a_few_cpus_are_used(monkeypatch, many_cpus):
    assert usable_cpus() == several_threads.MOST
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cpus() == 1


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        (["max 100000\n"], several_threads.MOST),
        (["200000 100000\n"], 2),
        (["50000 100000\n"], 1),
        (["2500000 100000\n"], several_threads.MOST),
        (["300000\n", "100000\n"], 3),
        (["-1\n", "100000\n"], several_threads.MOST),
        (["", ""], several_threads.MOST),
    ],
)
def test_a_containers_quota_counts(tmp_path, monkeypatch, many_cpus, files, cpus):
    paths = [tmp_path / str(number) for number in range(len(files))]
    for path, text in zip(paths, files, strict=True):
        path.write_text(text)
    quotas = ((str(tmp_path / "missing"),), tuple(map(str, paths)))
    monkeypatch.setattr(several_threads, "QUOTAS", quotas)
    assert usable_cpus() == cpus
