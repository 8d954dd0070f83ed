import json
import os

import pytest

from metaflow.exception import MetaflowInternalError
from metaflow.plugins.metadata_providers.local import LocalMetadataProvider
from metaflow.plugins.datastores.local_storage import LocalStorage


def write(path, **content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def run(tmp_path, mocker):
    """Make a local run with four tasks; return the path of the run's file."""
    mocker.patch.object(LocalStorage, "datastore_root", str(tmp_path))
    path = tmp_path / "Flow" / "1"
    write(path / "_meta" / "_self.json", run_number="1", tags=["mine"])
    write(path / "work" / "_meta" / "_self.json", step_name="work")
    for task in range(4):
        write(path / "work" / str(task) / "_meta" / "_self.json", task_id=str(task))
    return path / "_meta" / "_self.json"


def tasks():
    found = LocalMetadataProvider.get_object(
        "step", "task", {}, None, "Flow", "1", "work"
    )
    return sorted((task["task_id"], task["tags"]) for task in found)


def test_a_listing_reads_its_run_once(run, mocker):
    read = mocker.spy(LocalMetadataProvider, "_read_json_file")
    assert tasks() == [(str(task), ["mine"]) for task in range(4)]
    paths = [call[0][-1] for call in read.call_args_list]
    assert [os.path.abspath(path) for path in paths].count(str(run)) == 1


def test_each_listing_reads_the_tags_again(run):
    tasks()
    write(run, run_number="1", tags=["changed"])
    assert tasks() == [(str(task), ["changed"]) for task in range(4)]


def test_a_missing_run_is_an_error(run):
    run.unlink()
    with pytest.raises(MetaflowInternalError, match="Could not find run"):
        tasks()
