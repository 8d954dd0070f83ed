"""Content keys: what naming an artifact by its content costs, and what other hashes would."""

import hashlib

import blake3
import xxhash

from benchmarks.common import BYTES_PAYLOADS, FEW_PAYLOADS, payload_bytes
from benchmarks.datastores import (
    KnownContent,
    content_store,
    require_blake3_key,
    require_metaflow,
    use_blake3_keys,
)
from benchmarks.surroundings import fresh_folder

CANDIDATES = {
    "sha1": lambda data: hashlib.sha1(data).hexdigest(),
    "sha256": lambda data: hashlib.sha256(data).hexdigest(),
    "blake2b": lambda data: hashlib.blake2b(data).hexdigest(),
    "blake3": lambda data: blake3.blake3(data).hexdigest(),
    "xxh3_128": lambda data: xxhash.xxh3_128(data).hexdigest(),
}


class ContentKey:
    """Find the key of content that the store has already: saving an unchanged artifact again."""

    params = BYTES_PAYLOADS
    param_names = ("payload",)
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 5, 1, 7, 0, 60

    def setup(self, payload):
        require_metaflow()
        self.store, _ = content_store(KnownContent, fresh_folder())
        self.data = payload_bytes(payload)
        other, another = self.store.save_blobs(iter([b"one", b"another"]), len_hint=2)
        if other.key == another.key:
            raise RuntimeError("different content was given the same key")

    def time_find(self, payload):
        self.store.save_blobs(iter([self.data]), len_hint=1)


class ContentKeyWithBlake3(ContentKey):
    """Find a key with the setting ARTIFACT_KEY_HASH at blake3: saving what is unchanged, again."""

    version = "1"

    def setup(self, payload):
        use_blake3_keys()
        super().setup(payload)
        (saved,) = self.store.save_blobs(iter([self.data]), len_hint=1)
        require_blake3_key(saved.key)


class Candidate:
    """Hash a payload with a function that could name content; the same for every commit."""

    params = (tuple(CANDIDATES), FEW_PAYLOADS)
    param_names = ("function", "payload")
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 5, 1, 2, 0, 60

    def setup(self, function, payload):
        self.hash = CANDIDATES[function]
        self.data = payload_bytes(payload)
        if self.hash(b"one") == self.hash(b"another"):
            raise RuntimeError("different content was given the same hash")

    def time_hash(self, function, payload):
        self.hash(self.data)
