"""The answers of the timed benchmarks, 0 if right and 1 if wrong: a wrong one deserves no time.

Each is held against what the suite itself expects, not against another commit's. What may differ
between releases, such as help texts and public names, is not held against anything.
"""

import hashlib

from benchmarks.artifacts import load, save, skip_longest_when_quick
from benchmarks.client import PastRuns, read_artifact
from benchmarks.multicore import TASKS, square
from benchmarks.payloads import (
    ARTIFACTS,
    BYTES_PAYLOADS,
    OTHER_PAYLOADS,
    make_artifacts,
    make_payload,
    payload_bytes,
    same,
)
from benchmarks.support import datastores
from benchmarks.support.datastores import metaflow
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.environment import fresh_folder
from benchmarks.support.processes import run_in_fork

if metaflow is not None:
    from metaflow.multicore_utils import parallel_map

param_names = ("payload",)
unit = "wrong answers"


class Artifacts(OneSamplePerProcess):
    """What is loaded of what another process saved: the same."""

    params = (*ARTIFACTS, *OTHER_PAYLOADS)

    def setup(self, payload):
        skip_longest_when_quick(payload)
        datastores.require_metaflow()

    def track_wrong(self, payload):
        artifacts, folder = make_artifacts(payload), fresh_folder()
        run_in_fork(save, artifacts, folder)
        loaded = load([name for name, _ in artifacts], folder)
        return int(not same(loaded, dict(artifacts)))


class ContentKey(OneSamplePerProcess):
    """The key under which content is stored: its SHA-1."""

    params = BYTES_PAYLOADS

    def track_wrong(self, payload):
        store, _ = datastores.content_store(datastores.ForgettingStorage, fresh_folder())
        data = payload_bytes(payload)
        (saved,) = store.save_blobs(iter([data]), len_hint=1)
        return int(saved.key != hashlib.sha1(data).hexdigest())


class ClientRead(PastRuns):
    """What the client reads of a past run: what was saved."""

    params = ("metrics-52KB", "float64-8MB")

    def track_wrong(self, folder, payload):
        return int(not same(read_artifact(payload), make_payload(payload)))


class ParallelMap(OneSamplePerProcess):
    """What a parallel map returns: all squares, in their order."""

    params = TASKS
    param_names = ("tasks",)

    def track_wrong(self, tasks):
        datastores.require_metaflow()
        squares = [number**2 for number in range(tasks)]
        return int(not same(parallel_map(square, range(tasks)), squares))
