import mmap
import pickle
import random

import pytest

from metaflow.datastore import FlowDataStore
from metaflow.metaflow_environment import MetaflowEnvironment
from metaflow.plugins.datastores.local_storage import LocalStorage

NOISE = random.Random(0).getrandbits(16 * 10**6).to_bytes(2 * 10**6, "little")
VALUES = {
    "noise": NOISE,
    "same": NOISE,
    "text": "text " * 100000,
    "medium": NOISE[: 50 * 1000],
    "small": [1],
}


@pytest.fixture
def flow(tmp_path):
    return FlowDataStore(
        "Flow",
        MetaflowEnvironment(None),
        storage_impl=LocalStorage,
        ds_root=str(tmp_path),
    )


@pytest.fixture
def task(flow):
    task = flow.get_task_datastore("1", "start", "1", attempt=0, mode="w")
    task.init_task()
    task.save_artifacts(iter(VALUES.items()))
    task.done()
    return flow.get_task_datastore("1", "start", "1", attempt=0, mode="r")


def test_large_uncompressed_artifacts_are_mapped(task, mocker):
    mapped = mocker.patch("mmap.mmap", wraps=mmap.mmap)
    for name in ("text", "medium", "small"):
        assert dict(task.load_artifacts([name])) == {name: VALUES[name]}
    assert mapped.call_count == 0
    assert dict(task.load_artifacts(["noise"])) == {"noise": NOISE}
    assert mapped.call_count == 1
    assert dict(task.load_artifacts(list(VALUES))) == VALUES


def test_a_file_that_cannot_be_mapped_is_read(task, mocker):
    mocker.patch("mmap.mmap", side_effect=OSError)
    assert dict(task.load_artifacts(["noise"])) == {"noise": NOISE}


def test_other_callers_get_bytes(flow, task):
    ((_, key),) = flow.save_data([pickle.dumps(VALUES)])
    ((_, data),) = flow.load_data([key], force_raw=True)
    assert type(data) is bytes
    key = task._objects["noise"]
    ((_, data),) = flow.ca_store.load_blobs([key])
    assert type(data) is bytes


def test_a_loaded_artifact_does_not_depend_on_its_file(task, tmp_path):
    loaded = dict(task.load_artifacts(["noise"]))
    for path in tmp_path.glob("Flow/data/*/*"):
        path.write_bytes(b"")
    assert loaded == {"noise": NOISE}
