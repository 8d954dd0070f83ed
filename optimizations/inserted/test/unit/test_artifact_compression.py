import gzip
import json
import os
import random
import sys
import zlib

import pytest

from metaflow.datastore import content_addressed_store
from metaflow.datastore.content_addressed_store import ContentAddressedStore
from metaflow.datastore.exceptions import DataException
from metaflow.plugins.datastores.local_storage import LocalStorage

MB = 1024 * 1024


def noise(size, seed=0):
    return random.Random(seed).getrandbits(8 * size).to_bytes(size, "little")


def text(size):
    words = [b"%x" % number for number in range(1000, 9000, 7)]
    page = b" ".join(random.Random(0).choices(words, k=40000))
    return (page * (size // len(page) + 1))[:size]


BLOBS = {
    "nothing": b"",
    "small noise": noise(60000),
    "small text": text(60000),
    "noise": noise(3 * MB + 1),
    "text": text(3 * MB),
    "noise and zeros": noise(3 * MB) + bytes(3 * MB),
    "text and noise": text(700000) + noise(700000) + text(100),
    "far repeats": noise(16 * 1024) * 100,
    "smallest large text": text(64 * 1024),
    "bytearray": bytearray(text(100000)),
    "memoryview": memoryview(text(3 * MB))[1:],
}


@pytest.fixture
def store(tmp_path):
    return ContentAddressedStore("data", LocalStorage(str(tmp_path)))


def save(store, blob, **options):
    (result,) = store.save_blobs(iter([blob]), **options)
    return result.key


def load(store, key):
    return dict(store.load_blobs([key]))[key]


def files(store, key):
    path = os.path.join(store._storage_impl.datastore_root, "data", key[:2], key)
    with open(path, "rb") as blob, open(path + "_meta") as meta:
        return blob.read(), json.load(meta)


@pytest.mark.parametrize("blob", list(BLOBS.values()), ids=list(BLOBS))
def test_blobs_are_read_as_they_were_saved(store, blob):
    key = save(store, blob)
    assert load(store, key) == blob
    stored, meta = files(store, key)
    # As older releases read it
    assert (stored if meta["cas_raw"] else gzip.decompress(stored)) == blob
    assert len(stored) < 1.2 * len(gzip.compress(blob, 3)) + 100


def test_only_compressible_segments_are_compressed(store):
    stored, meta = files(store, save(store, BLOBS["noise"]))
    assert meta == {"cas_raw": True, "cas_version": 1}
    assert stored == BLOBS["noise"]
    stored, meta = files(store, save(store, BLOBS["noise and zeros"]))
    assert meta == {"cas_raw": False, "cas_version": 1}
    assert BLOBS["noise"][:60000] in stored
    assert len(stored) < 3.1 * MB


def test_a_blob_is_saved_where_no_thread_can_be_started(store, mocker):
    submit = mocker.patch(
        "concurrent.futures.ThreadPoolExecutor.submit", side_effect=RuntimeError
    )
    key = save(store, text(3 * MB))
    assert submit.call_count == 1
    assert dict(store.load_blobs([key])) == {key: text(3 * MB)}


def test_small_blobs_are_stored_as_before(store, mocker):
    pack = mocker.patch.object(content_addressed_store, "_pack_segments")
    stored, meta = files(store, save(store, BLOBS["small noise"]))
    assert meta == {"cas_raw": False, "cas_version": 1}
    assert gzip.decompress(stored) == BLOBS["small noise"]
    pack.assert_not_called()


def test_raw_blobs_are_stored_as_before(store):
    key = save(store, BLOBS["text"], raw=True)
    assert files(store, key) == (BLOBS["text"], {"cas_raw": True, "cas_version": 1})


@pytest.mark.parametrize("members", [1, 2])
def test_blobs_of_older_releases_are_read(store, members):
    key = save(store, BLOBS["text"])
    path = os.path.join(store._storage_impl.datastore_root, "data", key[:2], key)
    with open(path, "wb") as f:
        f.write(gzip.compress(BLOBS["text"], 3) * members)
    assert load(store, key) == BLOBS["text"] * members


@pytest.mark.parametrize("written", [0, 1])
def test_a_killed_writer_leaves_a_store_that_works(store, mocker, written):
    write = LocalStorage._atomic_write

    def killed(path, *args, **kwargs):
        if len(os.listdir(os.path.dirname(path))) == written:
            raise KeyboardInterrupt
        write(path, *args, **kwargs)

    mocker.patch.object(LocalStorage, "_atomic_write", side_effect=killed)
    with pytest.raises(KeyboardInterrupt):
        save(store, BLOBS["noise"])
    mocker.stopall()
    # Metadata without a blob is overwritten by the next save
    for _, _, names in os.walk(store._storage_impl.datastore_root):
        assert all(name.endswith("_meta") for name in names)
    assert load(store, save(store, BLOBS["noise"])) == BLOBS["noise"]


@pytest.mark.parametrize("end", [b"\xff" * 4, b"\0" * 8, b""])
def test_damaged_blobs_are_refused_without_a_large_buffer(store, mocker, end):
    key = save(store, BLOBS["text"])
    stored, _ = files(store, key)
    path = os.path.join(store._storage_impl.datastore_root, "data", key[:2], key)
    with open(path, "wb") as f:
        f.write(stored[: -len(end) or -1] + end)
    # Also with accelerated_deflate
    mocker.patch.dict(sys.modules, {"isal": None})
    decompress = mocker.patch.object(
        content_addressed_store.zlib, "decompress", wraps=zlib.decompress
    )
    with pytest.raises(DataException, match="Could not unpack artifact"):
        load(store, key)
    assert decompress.call_args[0][2] <= 2**28


def test_blobs_above_4_gb_are_read(store, mocker):
    # The trailer holds the size modulo 2**32
    packed = content_addressed_store._pack_segments(BLOBS["text"])
    mocker.patch.object(content_addressed_store.struct, "unpack", return_value=(MB,))
    assert store._unpack_v1(packed) == BLOBS["text"]
