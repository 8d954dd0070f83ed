"""Packing content: what the store does to bytes before it writes them, and what other codecs do."""

from functools import partial
from importlib import import_module

from benchmarks.payloads import BYTES_PAYLOADS, FEW_PAYLOADS, payload_bytes
from benchmarks.support.datastores import ForgettingStorage, LocalStorage, content_store
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder

covers = ("metaflow/datastore/*",)
params = BYTES_PAYLOADS
param_names = ("payload",)
rounds = 4

# A module with functions compress and decompress, and what its compress is told.
CODECS = {
    "gzip-1": ("gzip", {"compresslevel": 1}),
    "gzip-3": ("gzip", {"compresslevel": 3}),
    "gzip-6": ("gzip", {"compresslevel": 6}),
    "gzip-9": ("gzip", {"compresslevel": 9}),
    "zlib-ng": ("zlib_ng.gzip_ng", {"compresslevel": 3}),
    "isal": ("isal.igzip", {"compresslevel": 1}),
    "lz4": ("lz4.frame", {}),
    "zstd": ("zstandard", {"level": 3}),
}


class Pack(OneSamplePerProcess):
    """Key and pack content as this commit does, without a disk: most of saving an artifact."""

    def setup(self, payload):
        self.store, self.storage = content_store(ForgettingStorage, fresh_folder())
        self.data = payload_bytes(payload)
        self.store.save_blobs(iter([b"warm up"]), len_hint=1)
        self.storage.stored_bytes = 0

    def time_pack(self, payload):
        self.store.save_blobs(iter([self.data]), len_hint=1)

    def track_size(self, payload):
        self.store.save_blobs(iter([self.data]), len_hint=1)
        return self.storage.stored_bytes

    time_pack.throughput = True
    track_size.unit = "bytes"


class Unpack(OneSamplePerProcess):
    """Read and unpack content as this commit does: most of loading an artifact."""

    throughput = True

    def setup(self, payload):
        self.store, _ = content_store(LocalStorage, fresh_folder())
        data = payload_bytes(payload)
        saved = self.store.save_blobs(iter([b"warm up", data]), len_hint=2)
        warm, self.key = (each.key for each in saved)
        dict(self.store.load_blobs([warm]))

    def time_unpack(self, payload):
        for _ in self.store.load_blobs([self.key]):
            pass


class Candidate(OneSamplePerProcess):
    """One codec and one payload, warmed up."""

    params = (tuple(CODECS), FEW_PAYLOADS)
    param_names = ("codec", "payload")
    rounds = 2
    profile = "thorough"
    runs_metaflow = False

    def setup(self, codec, payload):
        name, options = CODECS[codec]
        module = import_module(name)  # only the measured environment has them all
        self.pack, self.unpack = partial(module.compress, **options), module.decompress
        self.unpack(self.pack(b"warm up"))
        self.data = payload_bytes(payload)


class PackWith(Candidate):
    """Pack a payload with a codec that could be used instead; the same for every commit."""

    def time_pack(self, codec, payload):
        self.pack(self.data)

    def track_size(self, codec, payload):
        return len(self.pack(self.data))

    time_pack.throughput = True
    track_size.unit = "bytes"


class UnpackWith(Candidate):
    """Unpack a payload with a codec that could be used instead; the same for every commit."""

    throughput = True

    def setup(self, codec, payload):
        super().setup(codec, payload)
        self.packed = self.pack(self.data)
        if self.unpack(self.packed) != self.data:
            raise RuntimeError(f"{codec} returned other bytes than it was given")

    def time_unpack(self, codec, payload):
        self.unpack(self.packed)
