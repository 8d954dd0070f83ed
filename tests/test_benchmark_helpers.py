"""What the benchmarks share: payloads, surroundings, memory, import times."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.paths import ROOT


def printed(code, **environment):
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_payloads_are_equal_at_each_call_and_as_large_as_their_names_say():
    code = (
        "from benchmarks.common import PAYLOADS, make_payload, payload_bytes, same\n"
        "for name in PAYLOADS:\n"
        "    assert same(make_payload(name), make_payload(name)), name\n"
        "    print(name, len(payload_bytes(name)))\n"
    )
    units = {"B": 1, "KB": 1e3, "MB": 1e6}
    for line in printed(code).splitlines():
        name, size = line.split()
        number, unit = re.fullmatch(r".*-(\d+)([KM]?B)", name).groups()
        assert int(size) == pytest.approx(int(number) * units[unit], rel=0.01), name


def test_same_tells_payloads_apart():
    code = (
        "import numpy; from benchmarks.common import same\n"
        "assert not same({'a': numpy.zeros(2)}, {'a': numpy.ones(2)})\n"
        "assert not same({'a': 1}, {'b': 1})\n"
        "assert not same(numpy.zeros(2), numpy.zeros(2, dtype='float32'))\n"
    )
    printed(code)


def test_a_person_s_settings_do_not_send_s3_to_the_network():
    code = (
        "import boto3; from benchmarks.s3_servers import only_this_server\n"
        "only_this_server('http://127.0.0.1:9')\n"
        "client = boto3.client('s3')\n"
        "assert client.meta.endpoint_url == 'http://127.0.0.1:9', client.meta.endpoint_url\n"
        "assert client._request_signer._credentials.access_key == 'benchmark'\n"
    )
    for setting in (
        {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
        {"AWS_ENDPOINT_URL": "http://127.0.0.2:9", "AWS_PROFILE": "mine"},
    ):
        printed(code, **setting)


def test_a_person_s_settings_do_not_reach_a_measured_process():
    code = (
        "import os; os.environ.update(METAFLOW_DEFAULT_DATASTORE='s3', METAFLOW_PROFILE='mine')\n"
        "from benchmarks.surroundings import child_environment\n"
        "here, child = os.environ, child_environment('/folder')\n"
        "for each in here, child:\n"
        "    assert each['METAFLOW_DEFAULT_DATASTORE'] == 'local'\n"
        "    assert 'METAFLOW_PROFILE' not in each\n"
        "assert 'PYTHONDONTWRITEBYTECODE' not in here\n"
        "assert child['HOME'] == '/folder'\n"
    )
    printed(code, PYTHONDONTWRITEBYTECODE="1")


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_peak_memory_is_what_the_action_adds():
    code = (
        "from benchmarks.memory import peak_growth\n"
        "large = bytes(100_000_000); large = None\n"
        "print(peak_growth(lambda: b'x' * 50_000_000))\n"
    )
    assert int(printed(code)) == pytest.approx(50_000_000, rel=0.05)


def test_nested_import_times_are_counted_once():
    code = (
        "from benchmarks.imports import outermost_time\n"
        "lines = [(5, 10, 'cards.inner'), (3, 30, 'cards.outer'), (3, 7, 'cards.next'),\n"
        "         (1, 90, 'metaflow')]\n"
        "print(outermost_time(lines, r'cards\\.'), outermost_time(lines, 'absent'))\n"
    )
    assert printed(code) == "37 0"
