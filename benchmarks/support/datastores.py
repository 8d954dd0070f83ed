"""metaflow's datastore in this process, rooted in a folder of its own.

Modules that need metaflow itself import it through here, so that asv's fork server loads it once
and the package stays importable without it.
"""

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

FLOW = "BenchmarkFlow"


def require_metaflow():
    """Skip where metaflow, or a part that these helpers stand on, can't be imported."""
    if metaflow is None:
        raise SkipNotImplemented(f"metaflow can't be imported: {_reason}")


def use_blake3_keys():
    """Let this process store new content under BLAKE3 keys; skip where a commit can't."""
    require_metaflow()
    from metaflow.datastore import content_addressed_store

    if not hasattr(content_addressed_store, "ARTIFACT_KEY_HASH"):
        raise SkipNotImplemented("this commit has no setting ARTIFACT_KEY_HASH")
    from blake3 import blake3

    # metaflow read the environment when it was imported, before any setup. Nothing sets it back,
    # for the process ends with its sample.
    content_addressed_store.content_hash = blake3


def writable_task(folder, store_type=None):
    """Return the datastore of a task that has just begun."""
    task = task_datastore("w", folder, store_type)
    task.init_task()
    return task


def readable_task(folder, store_type=None):
    """Return the datastore of the task that `writable_task` began and `done` ended."""
    return task_datastore("r", folder, store_type)


def task_datastore(mode, root, store_type=None, storage_type=LocalStorage):
    """Return a task's datastore; `store_type` replaces the commit's own store of content."""
    require_metaflow()
    flow = FlowDataStore(
        FLOW, MetaflowEnvironment(None), storage_impl=storage_type, ds_root=str(root)
    )
    if store_type is not None:
        usual = flow.ca_store
        flow.ca_store = store_type(usual._prefix, usual._storage_impl)
    return flow.get_task_datastore("1", "start", "1", attempt=0, mode=mode)


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
