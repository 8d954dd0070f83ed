import os
from contextlib import contextmanager

import pytest

from metaflow.datastore.content_addressed_store import BlobCache, ContentAddressedStore
from metaflow.plugins.datastores.local_storage import LocalStorage

SMALL = b"small"
LARGE = b"large " * 10000


class Cache(BlobCache):
    def __init__(self):
        self.blobs = {}

    def load_key(self, key):
        return self.blobs.get(key)

    def store_key(self, key, blob):
        self.blobs[key] = blob


class Downloads(LocalStorage):
    """Hand out temporary files, as remote storages do."""

    @contextmanager
    def load_bytes(self, paths):
        def results():
            with LocalStorage.load_bytes(self, paths) as loaded:
                for path, file_path, meta in loaded:
                    os.link(file_path, file_path + ".downloaded")
                    yield path, file_path + ".downloaded", meta

        yield results()


def read(storage, blob, raw):
    store = ContentAddressedStore("data", storage)
    (result,) = store.save_blobs(iter([blob]), raw=raw)
    cache = Cache()
    store.set_blob_cache(cache)
    assert dict(store.load_blobs([result.key])) == {result.key: blob}
    assert dict(store.load_blobs([result.key])) == {result.key: blob}
    return list(cache.blobs.values())


@pytest.mark.parametrize("blob, raw", [(SMALL, False), (SMALL, True), (LARGE, True)])
def test_small_or_raw_local_blobs_are_not_cached(tmp_path, blob, raw):
    assert read(LocalStorage(str(tmp_path)), blob, raw) == []


def test_unpacked_local_blobs_are_cached(tmp_path):
    assert read(LocalStorage(str(tmp_path)), LARGE, False) == [LARGE]


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("blob", [SMALL, LARGE])
def test_downloaded_blobs_are_cached(tmp_path, blob, raw):
    assert read(Downloads(str(tmp_path)), blob, raw) == [blob]


def test_cached_blobs_are_used(tmp_path):
    store = ContentAddressedStore("data", LocalStorage(str(tmp_path)))
    cache = Cache()
    cache.blobs["key"] = b"copy"
    store.set_blob_cache(cache)
    assert dict(store.load_blobs(["key"])) == {"key": b"copy"}
