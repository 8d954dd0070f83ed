"""Content keys: what naming an artifact by its content costs, and what other hashes would."""

import hashlib

import blake3
import xxhash

from benchmarks.payloads import BYTES_PAYLOADS, FEW_PAYLOADS, payload_bytes
from benchmarks.support.datastores import KnownContent, content_store, use_blake3_keys
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder

covers = ("metaflow/datastore/*",)
throughput = True

CANDIDATES = {
    "sha1": lambda data: hashlib.sha1(data).hexdigest(),
    "sha256": lambda data: hashlib.sha256(data).hexdigest(),
    "blake2b": lambda data: hashlib.blake2b(data).hexdigest(),
    "blake3": lambda data: blake3.blake3(data).hexdigest(),
    "xxh3_128": lambda data: xxhash.xxh3_128(data).hexdigest(),
}


class ContentKey(OneSamplePerProcess):
    """Find the key of content that the store has already: saving an unchanged artifact again."""

    params = BYTES_PAYLOADS
    param_names = ("payload",)
    number, rounds = 5, 7
    answer = "answers.ContentKey.track_wrong({payload})"

    def setup(self, payload):
        self.store, _ = content_store(KnownContent, fresh_folder())
        self.data = payload_bytes(payload)
        self.store.save_blobs(iter([b"one", b"another"]), len_hint=2)  # warm up

    def time_find(self, payload):
        self.store.save_blobs(iter([self.data]), len_hint=1)


class ContentKeyWithBlake3(ContentKey):
    """Find a BLAKE3 key (setting ARTIFACT_KEY_HASH=blake3): saving an unchanged artifact again."""

    answer = None

    def setup(self, payload):
        use_blake3_keys()
        super().setup(payload)
        self.time_find(payload)  # warm up


class Candidate(OneSamplePerProcess):
    """Hash a payload with a function that could name content; the same for every commit."""

    params = (tuple(CANDIDATES), FEW_PAYLOADS)
    param_names = ("function", "payload")
    number, rounds = 5, 2
    profile = "thorough"
    runs_metaflow = False

    def setup(self, function, payload):
        self.hash = CANDIDATES[function]
        self.data = payload_bytes(payload)
        self.hash(b"warm up")

    def time_hash(self, function, payload):
        self.hash(self.data)
