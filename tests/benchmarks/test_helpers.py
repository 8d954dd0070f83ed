"""What the benchmarks share: payloads, environment, memory, import times."""

import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

from benchmarks.imports import outermost_time
from benchmarks.payloads import PAYLOADS, make_payload, payload_bytes, same
from benchmarks.support.memory import peak_growth
from mfbench.foundation.paths import ROOT
from mfbench.results.benchmarks import size_in_name


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_is_equal_at_each_call_and_as_large_as_its_name_says(name):
    assert same(make_payload(name), make_payload(name))
    assert len(payload_bytes(name)) == pytest.approx(size_in_name(name), rel=0.01)


def test_same_tells_payloads_apart():
    zeros = numpy.zeros(2)
    assert not same({"a": zeros}, {"a": numpy.ones(2)})
    assert not same({"a": 1}, {"b": 1})
    assert not same(zeros, zeros.astype("float32"))
    assert not same(zeros, [0.0, 0.0])
    assert not same([1.0, zeros], [1, zeros])
    assert not same(b"text", bytearray(b"text"))


def test_a_persons_settings_do_not_reach_a_measured_process():
    code = """
import boto3, os
from benchmarks.support.environment import child_environment
from benchmarks.support.s3_servers import only_this_server
for each in os.environ, child_environment("/folder"):
    assert each["METAFLOW_DEFAULT_DATASTORE"] == "local"
    assert "METAFLOW_PROFILE" not in each
assert "PYTHONDONTWRITEBYTECODE" not in os.environ
assert child_environment("/folder")["HOME"] == "/folder"
only_this_server("http://127.0.0.1:9")
client = boto3.client("s3")
assert client.meta.endpoint_url == "http://127.0.0.1:9", client.meta.endpoint_url
assert client._request_signer._credentials.access_key == "benchmark"
"""
    settings = {
        "AWS_ENDPOINT_URL": "http://127.0.0.2:9",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_PROFILE": "mine",
        "METAFLOW_DEFAULT_DATASTORE": "s3",
        "METAFLOW_PROFILE": "mine",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | settings, check=True)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_peak_memory_is_what_the_action_adds():
    large = bytes(100_000_000)
    del large
    assert peak_growth(lambda: b"x" * 50_000_000) == pytest.approx(50_000_000, rel=0.05)


def test_nested_import_times_are_counted_once():
    lines = [(5, 10, "cards.inner"), (3, 30, "cards.outer"), (3, 7, "cards.next"), (1, 90, "all")]
    assert outermost_time(lines, r"cards\.") == 37
    assert outermost_time(lines, "absent") == 0
