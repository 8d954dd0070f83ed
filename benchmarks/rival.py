"""The rival: artifacts as lz4 frames, measured beside the usual store.

metaflow's pull request 3090 proposes it: blobs with `cas_version` 2, and lz4 as one more
requirement. Payloads and steps are those of `artifacts`: each case stands beside that of
`artifacts.Save`, `Load` or `Stored` at the same commit in the same run.
"""

import hashlib
import io
from contextlib import suppress

from benchmarks import artifacts
from benchmarks.support.datastores import ContentAddressedStore

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
