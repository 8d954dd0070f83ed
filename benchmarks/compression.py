"""Packing content: what the store does to bytes before it writes them, and what other codecs do."""

import gzip

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.common import BYTES_PAYLOADS, FEW_PAYLOADS, payload_bytes
from benchmarks.datastores import (
    ForgettingStorage,
    LocalStorage,
    content_store,
    require_metaflow,
)
from benchmarks.surroundings import fresh_folder, skip_when_quick

try:
    import lz4.frame
    import zstandard
    from isal import igzip
    from zlib_ng import gzip_ng
except ImportError as error:
    CODECS, _missing = {}, str(error)
else:
    CODECS = {
        "gzip-1": (lambda data: gzip.compress(data, 1), gzip.decompress),
        "gzip-3": (lambda data: gzip.compress(data, 3), gzip.decompress),
        "gzip-6": (lambda data: gzip.compress(data, 6), gzip.decompress),
        "gzip-9": (lambda data: gzip.compress(data, 9), gzip.decompress),
        "zlib-ng": (lambda data: gzip_ng.compress(data, 3), gzip_ng.decompress),
        "isal": (lambda data: igzip.compress(data, 1), igzip.decompress),
        "lz4": (lz4.frame.compress, lz4.frame.decompress),
        "zstd": (
            lambda data: zstandard.ZstdCompressor(level=3).compress(data),
            lambda data: zstandard.ZstdDecompressor().decompress(data),
        ),
    }

CODEC_NAMES = ("gzip-1", "gzip-3", "gzip-6", "gzip-9", "zlib-ng", "isal", "lz4", "zstd")


class Pack:
    """Key and pack content as this commit does, without a disk: most of saving an artifact."""

    params = BYTES_PAYLOADS
    param_names = ("payload",)
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 4, 0, 60

    def setup(self, payload):
        require_metaflow()
        self.store, self.storage = content_store(ForgettingStorage, fresh_folder())
        self.data = payload_bytes(payload)
        self.store.save_blobs(iter([b"warm up"]), len_hint=1)
        self.storage.stored_bytes = 0

    def time_pack(self, payload):
        self.store.save_blobs(iter([self.data]), len_hint=1)

    def track_size(self, payload):
        self.store.save_blobs(iter([self.data]), len_hint=1)
        return self.storage.stored_bytes

    track_size.unit = "bytes"


class Unpack:
    """Read and unpack content as this commit does: most of loading an artifact."""

    params = BYTES_PAYLOADS
    param_names = ("payload",)
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 4, 0, 60

    def setup(self, payload):
        require_metaflow()
        self.store, _ = content_store(LocalStorage, fresh_folder())
        data = payload_bytes(payload)
        saved = self.store.save_blobs(iter([b"warm up", data]), len_hint=2)
        warm, self.key = (each.key for each in saved)
        if dict(self.store.load_blobs([warm])) != {warm: b"warm up"}:
            raise RuntimeError("the store returned other bytes than it was given")

    def time_unpack(self, payload):
        for _ in self.store.load_blobs([self.key]):
            pass


def working_codec(codec):
    """Return a codec's two functions, used once; skip where it is not installed."""
    if not CODECS:
        raise SkipNotImplemented(f"a codec is missing: {_missing}")
    pack, unpack = CODECS[codec]
    unpack(pack(b"warm up"))
    return pack, unpack


class Candidate:
    """One codec and one payload."""

    params = (CODEC_NAMES, FEW_PAYLOADS)
    param_names = ("codec", "payload")
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 2, 0, 60

    def setup(self, codec, payload):
        skip_when_quick("it does not depend on the commit")
        self.pack, self.unpack = working_codec(codec)
        self.data = payload_bytes(payload)


class PackWith(Candidate):
    """Pack a payload with a codec that could be used instead; the same for every commit."""

    def time_pack(self, codec, payload):
        self.pack(self.data)

    def track_size(self, codec, payload):
        return len(self.pack(self.data))

    track_size.unit = "bytes"


class UnpackWith(Candidate):
    """Unpack a payload with a codec that could be used instead; the same for every commit."""

    def setup(self, codec, payload):
        super().setup(codec, payload)
        self.packed = self.pack(self.data)
        if self.unpack(self.packed) != self.data:
            raise RuntimeError(f"{codec} returned other bytes than it was given")

    def time_unpack(self, codec, payload):
        self.unpack(self.packed)
