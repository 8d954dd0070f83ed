"""Fill a local store with past runs, through metaflow's own metadata provider and datastore.

Real runs would take minutes. The environment says where the store is, and where `benchmarks/`.
"""

import time
from types import SimpleNamespace

from metaflow.datastore import FlowDataStore
from metaflow.metaflow_environment import MetaflowEnvironment
from metaflow.plugins import METADATA_PROVIDERS
from metaflow.plugins.datastores.local_storage import LocalStorage

from benchmarks.payloads import make_payload

(LOCAL_METADATA,) = (each for each in METADATA_PROVIDERS if each.TYPE == "local")


def past_flow(name, runs=1):
    """Register the runs of a flow; return what registers its tasks, and what keeps artifacts."""
    environment = MetaflowEnvironment(None)
    # A metadata provider asks a flow for nothing but its name.
    metadata = LOCAL_METADATA(environment, SimpleNamespace(name=name), None, None)
    root = LocalStorage.get_datastore_root_from_config(lambda *_, **__: None)
    LocalStorage.datastore_root = root
    for number in range(1, runs + 1):
        metadata.register_run_id(f"run-{number}")
        time.sleep(0.002)  # runs are told apart by the millisecond they began in
    return metadata, FlowDataStore(
        name, environment, metadata=metadata, storage_impl=LocalStorage, ds_root=root
    )


def add_task(flow, step, task, artifacts):
    """Register a task of a flow's first run, and save its artifacts."""
    metadata, datastore = flow
    metadata.register_task_id("run-1", step, task, 0)
    store = datastore.get_task_datastore("run-1", step, task, attempt=0, mode="w")
    store.init_task()
    store.save_artifacts(iter(artifacts.items()), len_hint=len(artifacts))
    store.done()


if __name__ == "__main__":
    # The flows that benchmarks/client.py reads.
    past_flow("Runs8", 8)
    past_flow("Runs300", 300)
    names = ("metrics-52KB", "float64-8MB")
    large = {name.replace("-", "_"): make_payload(name) for name in names}
    add_task(past_flow("Artifacts"), "start", "task-1", large)
    tasks = past_flow("Tasks")
    for number in range(50):
        add_task(tasks, "work", f"task-{number}", {"value": number, "name": "Tasks"})
