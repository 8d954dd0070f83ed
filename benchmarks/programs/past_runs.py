"""Fill a local store with past runs, through metaflow's own metadata provider and datastore.

Real runs would take minutes. The first argument is the folder that holds `benchmarks/`; the
store's place is in the environment.
"""

import sys
import time

sys.path.insert(0, sys.argv[1])

from metaflow.datastore import FlowDataStore
from metaflow.metaflow_environment import MetaflowEnvironment
from metaflow.plugins import METADATA_PROVIDERS
from metaflow.plugins.datastores.local_storage import LocalStorage

from benchmarks.common import make_payload


class NamedFlow:
    """All that a metadata provider asks of a flow."""

    def __init__(self, name):
        self.name = name


class PastFlow:
    """A flow that writes its past into the store."""

    def __init__(self, name):
        environment = MetaflowEnvironment(None)
        provider = next(each for each in METADATA_PROVIDERS if each.TYPE == "local")
        self.metadata = provider(environment, NamedFlow(name), None, None)
        root = LocalStorage.get_datastore_root_from_config(lambda *_, **__: None)
        LocalStorage.datastore_root = root
        self.datastore = FlowDataStore(
            name,
            environment,
            metadata=self.metadata,
            storage_impl=LocalStorage,
            ds_root=root,
        )

    def add_run(self, run):
        """Register a run without tasks."""
        self.metadata.register_run_id(run)
        time.sleep(0.002)  # runs are told apart by the millisecond they began in

    def add_task(self, run, step, task, artifacts):
        """Register a task and save its artifacts."""
        self.metadata.register_task_id(run, step, task, 0)
        store = self.datastore.get_task_datastore(run, step, task, attempt=0, mode="w")
        store.init_task()
        store.save_artifacts(iter(artifacts.items()), len_hint=len(artifacts))
        store.done()


def main():
    """Make the flows that benchmarks/client.py reads."""
    for count in (8, 300):
        flow = PastFlow(f"Runs{count}")
        for number in range(1, count + 1):
            flow.add_run(f"run-{number}")
    flow = PastFlow("Artifacts")
    flow.add_run("run-1")
    payloads = ("metrics-52KB", "float64-8MB")
    artifacts = {name.replace("-", "_"): make_payload(name) for name in payloads}
    flow.add_task("run-1", "start", "task-1", artifacts)
    flow = PastFlow("Tasks")
    flow.add_run("run-1")
    for number in range(50):
        flow.add_task("run-1", "work", f"task-{number}", {"value": number, "name": "Tasks"})


if __name__ == "__main__":
    main()
