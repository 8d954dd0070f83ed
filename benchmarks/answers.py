"""Digests of what the timed benchmarks answer: a wrong answer deserves no time.

Two commits whose digests differ are not compared. What may differ between releases, such as help
texts and public names, is not asked for.
"""

import hashlib

import numpy

from benchmarks.artifacts import ARTIFACTS, Saved, load
from benchmarks.client import PastRuns
from benchmarks.common import BYTES_PAYLOADS, OTHER_PAYLOADS, payload_bytes
from benchmarks.datastores import ForgettingStorage, content_store, metaflow, require_metaflow
from benchmarks.multicore import TASKS, square
from benchmarks.surroundings import fresh_folder

if metaflow is not None:
    from metaflow.multicore_utils import parallel_map

# A floating-point number, as which asv stores it, holds so many exactly.
DIGEST_BYTES = 6


def digest_of(value):
    """Return a number that stands for a value, the same in every process."""
    digest = hashlib.sha256()
    _add(digest, value)
    return int.from_bytes(digest.digest()[:DIGEST_BYTES], "big")


def _add(digest, value):
    if isinstance(value, numpy.ndarray):
        digest.update(f"{value.dtype.str} {value.shape} ".encode())
        digest.update(numpy.ascontiguousarray(value).data)
    elif isinstance(value, dict):
        digest.update(f"{len(value)} pairs ".encode())
        for key in sorted(value, key=repr):
            digest.update(f"{key!r} ".encode())
            _add(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(f"{type(value).__name__} of {len(value)} ".encode())
        for each in value:
            _add(digest, each)
    else:
        digest.update(f"{value!r} ".encode())


class Artifacts(Saved):
    """What is loaded of what was saved."""

    params = (*ARTIFACTS, *OTHER_PAYLOADS)
    param_names = ("payload",)
    version = "5"
    timeout = 60

    def setup(self, folder, payload):
        self.found = self.saved(folder, payload)

    def track_digest(self, folder, payload):
        return digest_of(load(self.found["names"], self.found["folder"]))

    track_digest.unit = "digest"


class ContentKey:
    """The key under which content is stored."""

    params = BYTES_PAYLOADS
    param_names = ("payload",)
    version = "1"
    timeout = 60

    def setup(self, payload):
        require_metaflow()
        self.store, _ = content_store(ForgettingStorage, fresh_folder())
        self.data = payload_bytes(payload)

    def track_digest(self, payload):
        (saved,) = self.store.save_blobs(iter([self.data]), len_hint=1)
        return digest_of(saved.key)

    track_digest.unit = "digest"


class ClientRead(PastRuns):
    """What the client reads of a past run."""

    params = ("metrics-52KB", "float64-8MB")
    param_names = ("payload",)
    version = "1"
    timeout = 60

    def setup(self, folder, payload):
        self.look_at(folder)

    def track_digest(self, folder, payload):
        task = metaflow.Task("Artifacts/run-1/start/task-1")
        return digest_of(task[payload.replace("-", "_")].data)

    track_digest.unit = "digest"


class ParallelMap:
    """What a parallel map returns, in its order."""

    params = TASKS
    param_names = ("tasks",)
    version = "1"
    timeout = 60

    def setup(self, tasks):
        require_metaflow()

    def track_digest(self, tasks):
        return digest_of(list(parallel_map(square, range(tasks))))

    track_digest.unit = "digest"
