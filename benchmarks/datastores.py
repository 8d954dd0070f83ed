"""metaflow's datastore in this process, rooted in a folder of one's own.

Modules that need metaflow itself import it through here, so that asv's fork server loads it once
and the package stays importable without it.
"""

import re

from asv_runner.benchmarks.mark import SkipNotImplemented

try:
    import metaflow.client
    from metaflow.datastore import FlowDataStore
    from metaflow.datastore.content_addressed_store import ContentAddressedStore
    from metaflow.metaflow_environment import MetaflowEnvironment
    from metaflow.plugins.datastores.local_storage import LocalStorage
except ImportError as error:
    metaflow = None
    LocalStorage = ContentAddressedStore = object
    _reason = str(error)

try:
    from metaflow.datastore import content_keys
except ImportError:
    content_keys = None

FLOW, RUN, STEP, TASK = "BenchmarkFlow", "1", "start", "1"


def require_metaflow():
    """Skip where metaflow, or a part that these helpers stand on, can't be imported."""
    if metaflow is None:
        raise SkipNotImplemented(f"metaflow can't be imported: {_reason}")


def use_blake3_keys():
    """Let this process store new content under BLAKE3 keys; skip where a commit can't."""
    require_metaflow()
    if content_keys is None:
        raise SkipNotImplemented("this commit has no setting ARTIFACT_KEY_HASH")
    # The environment was read when metaflow was imported, before any setup. Nothing sets it back,
    # for the process ends with its sample.
    content_keys.ARTIFACT_KEY_HASH = "blake3"


def require_blake3_key(key):
    """Raise unless a key is one of BLAKE3's."""
    if not re.fullmatch("[0-9a-f]{64}", key):
        raise RuntimeError(f"content was stored under {key}, which is no key of BLAKE3")


def flow_datastore(folder, store_type=None):
    """Return the datastore of a flow that keeps its files in `folder`.

    Artifacts go through the commit's own content-addressed store if none is named.
    """
    require_metaflow()
    flow = FlowDataStore(
        FLOW, MetaflowEnvironment(None), storage_impl=LocalStorage, ds_root=str(folder)
    )
    if store_type is not None:
        usual = flow.ca_store
        flow.ca_store = store_type(usual._prefix, usual._storage_impl)
    return flow


def writable_task(folder, store_type=None):
    """Return the datastore of a task that has just begun."""
    flow = flow_datastore(folder, store_type)
    task = flow.get_task_datastore(RUN, STEP, TASK, attempt=0, mode="w")
    task.init_task()
    return task


def readable_task(folder, store_type=None):
    """Return the datastore of the task that `writable_task` began and `done` ended."""
    flow = flow_datastore(folder, store_type)
    return flow.get_task_datastore(RUN, STEP, TASK, attempt=0, mode="r")


class KnownContent(LocalStorage):
    """Storage that already has everything: saving stops once the content's key is known."""

    def is_file(self, paths):
        return [True] * len(paths)

    def save_bytes(self, path_and_bytes_iter, overwrite=False, len_hint=0):
        for _ in path_and_bytes_iter:
            raise RuntimeError("content that the storage has was saved again")


class ForgettingStorage(LocalStorage):
    """Storage that has nothing and keeps only the size of what it is given."""

    stored_bytes = 0

    def is_file(self, paths):
        return [False] * len(paths)

    def save_bytes(self, path_and_bytes_iter, overwrite=False, len_hint=0):
        for _, stored in path_and_bytes_iter:
            stream = stored[0] if isinstance(stored, tuple) else stored
            self.stored_bytes += len(stream if hasattr(stream, "__len__") else stream.read())


def content_store(storage_type, folder):
    """Return a content-addressed store and the storage below it."""
    require_metaflow()
    storage = storage_type(str(folder))
    return ContentAddressedStore("data", storage), storage
