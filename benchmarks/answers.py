"""Digests of what the timed benchmarks return: a wrong answer deserves no time.

Commits whose digests differ are not compared. What may differ between releases, such as help
texts and public names, is not digested.
"""

import hashlib

import numpy

from benchmarks.artifacts import Saved, load
from benchmarks.client import PastRuns, read_artifact
from benchmarks.multicore import TASKS, square
from benchmarks.payloads import ARTIFACTS, BYTES_PAYLOADS, OTHER_PAYLOADS, payload_bytes
from benchmarks.support import datastores
from benchmarks.support.datastores import metaflow
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder

if metaflow is not None:
    from metaflow.multicore_utils import parallel_map

param_names = ("payload",)
unit = "digest"


class Artifacts(Saved):
    """What is loaded of what was saved."""

    params = (*ARTIFACTS, *OTHER_PAYLOADS)
    version = "5"

    def track_digest(self, folder, payload):
        return digest_of(load(self.names, self.folder))


class ContentKey(OneSamplePerProcess):
    """The key under which content is stored."""

    params = BYTES_PAYLOADS

    def track_digest(self, payload):
        store, _ = datastores.content_store(datastores.ForgettingStorage, fresh_folder())
        (saved,) = store.save_blobs(iter([payload_bytes(payload)]), len_hint=1)
        return digest_of(saved.key)


class ClientRead(PastRuns):
    """What the client reads of a past run."""

    params = ("metrics-52KB", "float64-8MB")

    def track_digest(self, folder, payload):
        return digest_of(read_artifact(payload))


class ParallelMap(OneSamplePerProcess):
    """What a parallel map returns, in its order."""

    params = TASKS
    param_names = ("tasks",)

    def track_digest(self, tasks):
        datastores.require_metaflow()
        return digest_of(list(parallel_map(square, range(tasks))))


def digest_of(value):
    """Return a number that stands for a value, the same in every process.

    It has 6 bytes, because asv stores floating-point numbers: they hold that many exactly.
    """
    digest = hashlib.sha256()
    add_to(digest, value)
    return int.from_bytes(digest.digest()[:6], "big")


def add_to(digest, value):
    """Add a value to a digest, containers and arrays by what they hold."""
    if isinstance(value, numpy.ndarray):
        digest.update(f"{value.dtype.str} {value.shape} ".encode())
        digest.update(numpy.ascontiguousarray(value).data)
    elif isinstance(value, dict):
        digest.update(f"{len(value)} pairs ".encode())
        for key in sorted(value, key=repr):
            digest.update(f"{key!r} ".encode())
            add_to(digest, value[key])
    elif isinstance(value, list | tuple):
        digest.update(f"{type(value).__name__} of {len(value)} ".encode())
        for each in value:
            add_to(digest, each)
    else:
        digest.update(f"{value!r} ".encode())
