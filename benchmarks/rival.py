"""The rival: artifacts as lz4 frames under a version of their own, measured beside the usual store.

It is what metaflow's pull request 3090 proposes: blobs with `cas_version` 2, and lz4 as one more
package that metaflow needs. Payloads and steps are those of `artifacts`, so that each case stands
beside that of `artifacts.Save`, `Load` or `Stored` at the same commit, measured in the same run.
Rounds are as many as there: four, the fewest samples that give an interval.
"""

import hashlib
import io

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks import artifacts
from benchmarks.datastores import ContentAddressedStore, require_metaflow
from benchmarks.surroundings import skip_when_quick

try:
    import lz4.frame
except ImportError as error:
    lz4, _missing = None, str(error)

CAS_VERSION = 2


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
                yield path, (self._pack_v2(blob), {"cas_raw": False, "cas_version": CAS_VERSION})

    def _pack_v2(self, blob):
        return io.BytesIO(lz4.frame.compress(blob))

    def _unpack_v2(self, blob):
        return lz4.frame.decompress(blob.read())


def require_rival():
    """Skip where lz4 is not installed, or a release's store knows no versions of its format."""
    skip_when_quick("it does not depend on the commit")
    require_metaflow()
    if lz4 is None:
        raise SkipNotImplemented(f"lz4 can't be imported: {_missing}")
    if not hasattr(ContentAddressedStore, "_unpack_v1"):
        raise SkipNotImplemented("this release's store has no versions of its format")


class SaveWithLz4(artifacts.Save):
    """Persist a step's artifacts as lz4 frames: the end of every step, as the rival has it."""

    version = "2"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 4, 0, 60
    store_type = Lz4Store

    def setup(self, payload):
        require_rival()
        super().setup(payload)


class LoadWithLz4(artifacts.Load):
    """Read a step's artifacts from lz4 frames: the start of the next step, as the rival has it."""

    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 4, 0, 60
    store_type = Lz4Store

    def setup(self, folder, payload):
        require_rival()
        super().setup(folder, payload)


class StoredWithLz4(artifacts.Stored):
    """The room that artifacts take as lz4 frames: storage and transfer, as the rival has it."""

    version = "1"
    timeout = 60
    store_type = Lz4Store

    def setup(self, folder, payload):
        require_rival()
        super().setup(folder, payload)
