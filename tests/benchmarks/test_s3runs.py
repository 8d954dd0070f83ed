"""What runs and batches ask S3 for: the same each time, with the newest release and the oldest."""

import json
import os
import subprocess
from ast import literal_eval

import pytest

from benchmarks.s3runs import BUCKET, OBJECTS
from mfbench.foundation.paths import ROOT
from tests.optimizations.optimized_releases import NEWEST, VERSIONS

COUNT = """
import json
from benchmarks import s3runs
del s3runs.RUNS["foreach of 5"]  # it takes half a minute
counted = s3runs.Counted().setup_cache()
for each in counted.values():
    # Bytes and routes hold numbers of runs. How many workers share a connection is chance.
    del each["by_route"], each["bytes"], each["connections"]
print(json.dumps(counted))
"""


@pytest.fixture
def run(release_python, tmp_path):
    def run(version, code):
        command = [release_python(version), "-c", code]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        finished = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        return finished.stdout or finished.stderr

    return run


def test_counts_are_the_same_twice(run):
    counted, again = (json.loads(run(NEWEST, COUNT)) for _ in range(2))
    assert counted == again
    assert counted["get"]["requests"] == counted["info"]["requests"] == 20
    assert counted["hello"]["processes"] >= 2


def test_the_oldest_release_is_counted(run):
    counted = json.loads(run(VERSIONS[0], COUNT))
    assert all(each["requests"] >= 20 for each in counted.values())


@pytest.mark.parametrize("batch", ["get", "info"])
def test_objects_that_are_missing_are_an_error(run, batch):
    said = run(
        NEWEST,
        f"from benchmarks import s3runs\nbucket = s3runs.start_bucket()\ns3runs.many({batch!r})",
    )
    assert "NotFound" in said


def test_an_input_that_is_missing_is_an_error(run):
    said = run(
        NEWEST,
        "from benchmarks import s3runs\n"
        "bucket = s3runs.start_bucket()\n"
        "s3runs.save_inputs(bucket)\n"
        "s3runs.INPUTS.append('1/work/none')\n"
        "s3runs.open_inputs()",
    )
    assert "RuntimeError: an input of the join is missing" in said


def test_a_foreach_on_s3_saves_what_each_task_did(run):
    said = run(
        NEWEST,
        "from benchmarks import s3runs\n"
        "foreach = s3runs.Foreach()\n"
        "foreach.setup(5)\n"
        "foreach.time_run(5)\n"
        "listed = s3runs.client(foreach.bucket.direct).list_objects_v2(Bucket=s3runs.BUCKET)\n"
        "keys = [each['Key'] for each in listed['Contents']]\n"
        "print(*sorted(key.split('/')[-3] for key in keys if key.endswith('DONE.lock')))\n"
        "foreach.teardown(5)",
    )
    assert said.split() == ["_parameters", "end", "join", "start", *["work"] * 5]


@pytest.mark.parametrize(("batch", "method"), [("put", "PUT"), ("get", "GET"), ("info", "HEAD")])
def test_the_stand_in_asks_for_each_object_once(run, batch, method):
    said = run(
        NEWEST,
        "from benchmarks import rival, s3runs\n"
        "from benchmarks.support.services import counts, reset\n"
        "many = rival.BatchInOneClient()\n"
        f"many.setup({batch!r})\n"
        "reset(many.bucket.counted)\n"
        f"many.time_many({batch!r})\n"
        "print(counts(many.bucket.counted)['by_route'])\n"
        f"many.teardown({batch!r})",
    )
    assert literal_eval(said) == {f"{method} /{BUCKET}/objects/{key}": 1 for key in OBJECTS}, said


@pytest.mark.parametrize(("batch", "error"), [("get", "NoSuchKey"), ("info", "(404)")])
def test_an_object_that_the_stand_in_misses_is_an_error(run, batch, error):
    said = run(
        NEWEST,
        "from benchmarks import rival, s3runs\n"
        "bucket = s3runs.start_bucket()\n"
        f"rival.many_in_one_client({batch!r})",
    )
    assert error in said


@pytest.mark.parametrize("batch", ["get", "info"])
def test_an_object_that_holds_something_else_is_an_error(run, batch):
    said = run(
        NEWEST,
        "from benchmarks import rival, s3runs\n"
        "bucket = s3runs.start_bucket()\n"
        "s3runs.save_objects(bucket)\n"
        "s3runs.OBJECTS['key-3'] = 'another text'\n"
        f"rival.many_in_one_client({batch!r})",
    )
    assert f"RuntimeError: {batch} of 20 objects: 19 are right" in said
