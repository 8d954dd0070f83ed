"""Rivals: what others propose for metaflow, measured beside what it does.

Pull request 3090 stores artifacts as lz4 frames: blobs with `cas_version` 2, and lz4 as one more
requirement. Payloads and steps are those of `artifacts`: each case stands beside that of
`artifacts.Save`, `Load` or `Stored` at the same commit in the same run.

Pull request 3148 handles batches of S3 objects in threads. A stand-in for it, written from its
description, stands beside `s3runs.Batch`.
"""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from benchmarks import artifacts, s3runs
from benchmarks.support.datastores import ContentAddressedStore
from benchmarks.support.environment import fresh_folder

with suppress(ImportError):  # only the measured environment has it
    import lz4.frame

covers = ("metaflow/datastore/*", "metaflow/plugins/datastores/*")
profile = "thorough"


class Lz4Store(ContentAddressedStore):
    """A store whose new blobs are lz4 frames.

    Loading stays the commit's own: by a blob's version it looks for `_unpack_v2`, or for the
    `_unpack_v1` of older blobs.
    """

    def save_blobs(self, blob_iter, len_hint=0):
        """Save blobs as artifacts are saved; transfers and files of their own need no packing."""
        saved = []
        storage = self._storage_impl
        storage.save_bytes(self._new(blob_iter, saved), overwrite=True, len_hint=len_hint)
        return saved

    def _new(self, blobs, saved):
        """Yield what the storage lacks, packed; note the key of every blob."""
        storage = self._storage_impl
        for blob in map(bytes, blobs):
            key = hashlib.sha1(blob).hexdigest()
            path = storage.path_join(self._prefix, key[:2], key)
            saved.append(self.save_blobs_result(uri=None, key=key))
            if not storage.is_file([path])[0]:
                yield path, (self._pack_v2(blob), {"cas_raw": False, "cas_version": 2})

    def _pack_v2(self, blob):
        return io.BytesIO(lz4.frame.compress(blob))

    def _unpack_v2(self, blob):
        return lz4.frame.decompress(blob.read())


class SaveWithLz4(artifacts.Save):
    """Persist a step's artifacts as lz4 frames: the end of every step, as the rival has it."""

    rounds = 4
    witness = answer = quick = None
    store_type = Lz4Store


class LoadWithLz4(artifacts.Load):
    """Read a step's artifacts from lz4 frames: the start of the next step, as the rival has it."""

    rounds = 4
    witness = answer = quick = None
    store_type = Lz4Store


class StoredWithLz4(artifacts.Stored):
    """The bytes that artifacts take as lz4 frames, as the rival has it."""

    store_type = Lz4Store


class BatchInOneClient(s3runs.Batch):
    """Handle 20 small objects with one boto3 client in ten threads, without metaflow.

    A stand-in for pull request 3148, which does more: its own retries, and metaflow's objects.
    """

    runs_metaflow = False

    def time_many(self, batch):
        many_in_one_client(batch)


def many_in_one_client(batch):
    """Put, get into files, or look up 20 objects, and check what comes back."""
    import boto3  # not at the top: no other benchmark is to find it loaded

    client, folder = boto3.client("s3"), fresh_folder()

    def handle(key):
        where = {"Bucket": s3runs.BUCKET, "Key": f"objects/{key}"}
        text = s3runs.OBJECTS[key]
        if batch == "put":
            return bool(client.put_object(**where, Body=text))
        if batch == "info":
            return client.head_object(**where)["ContentLength"] == len(text)
        (folder / key).write_bytes(client.get_object(**where)["Body"].read())
        return (folder / key).read_text() == text

    with ThreadPoolExecutor(10) as threads:
        right = list(threads.map(handle, s3runs.OBJECTS))
    if not all(right):
        raise RuntimeError(f"{batch} of 20 objects: {sum(right)} are right")
