"""S3's workers: what they store every release reads, and they tell what fails as before."""

import subprocess
import sys

import pytest

from mfbench.foundation.paths import ROOT
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, both

SERVER = ROOT / "benchmarks" / "programs" / "s3_server.py"
STORE = """
import os
os.environ |= {{
    "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "a", "AWS_DEFAULT_REGION": "us-east-1", "no_proxy": "127.0.0.1",
    "METAFLOW_S3_RETRY_COUNT": "0",
}}
import boto3
boto3.client("s3").create_bucket(Bucket="bucket")
from metaflow.datastore import FlowDataStore
from metaflow.metaflow_environment import MetaflowEnvironment
from metaflow.plugins.datastores.s3_storage import S3Storage

def task(mode, bucket="bucket"):
    flow = FlowDataStore(
        "Flow", MetaflowEnvironment(None), storage_impl=S3Storage, ds_root="s3://" + bucket
    )
    return flow.get_task_datastore({run!r}, "start", "1", attempt=0, mode=mode)

def save(artifacts, bucket="bucket"):
    store = task("w", bucket)
    store.init_task()
    store.save_artifacts(iter(artifacts.items()), len_hint=len(artifacts))
    store.done()

artifacts = {{"artifact_%d" % i: ["content", i] * 50 for i in range(12)}}
artifacts["large"] = os.urandom(99).hex() * 9000
"""
SAVE = STORE + "save(artifacts)\n"
READ = (
    STORE
    + """
loaded = dict(task("r").load_artifacts(list(artifacts)))
print(len(loaded), all(loaded[name] == artifacts[name] for name in artifacts if name != "large"))
print(len(loaded["large"]))
"""
)
# Nobody made this bucket.
FAILING = (
    STORE
    + """
try:
    save(artifacts, "elsewhere")
except Exception as problem:
    print(type(problem).__name__)
"""
)


@pytest.fixture(scope="module")
def port():
    with subprocess.Popen(
        [sys.executable, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        yield server.stdout.readline().strip()
        server.stdin.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_one_side_stores_the_other_reads(python, port, version):
    for writer, reader in (("before", "after"), ("after", "before"), ("after", "after")):
        names = {"port": port, "run": f"{version}-{writer}-{reader}"}
        python(version, writer, SAVE.format(**names))
        assert python(version, reader, READ.format(**names)) == f"13 True\n{198 * 9000}\n"


def test_what_fails_is_told_as_before(python, port):
    told = both(python, NEWEST, FAILING.format(port=port, run="1"))
    assert told.startswith("Metaflow")
