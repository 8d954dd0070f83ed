"""Batches in threads: with every fault of S3, results and errors are those of the release."""

import socket
import time

import pytest

from tests.optimizations.faulty_server import client, faulty_proxy, s3_server, settings
from tests.optimizations.optimized_releases import NEWEST

SETTINGS = """
import json, os, signal, sys
os.environ.update({aws})
# boto3 tries once; so fewer answers have to be spoiled.
os.environ["METAFLOW_S3_CLIENT_RETRY_CONFIG"] = json.dumps({{"max_attempts": 1}})
os.environ["METAFLOW_S3_RETRY_COUNT"] = "{retries}"
os.environ["METAFLOW_S3_TRANSIENT_RETRY_COUNT"] = "{retries}"
from metaflow import S3
s3 = S3(s3root="s3://bucket/{folder}", tmproot=os.getcwd())
keys = ["key-%d" % i for i in range(12)]
"""
READ = """
print([obj.text for obj in s3.get_many(keys, return_missing={return_missing})])
print([obj.size for obj in s3.info_many(keys, return_missing={return_missing})])
"""
FULL_DISK = """
import resource
s3.put_many([(key, "large " * 1000) for key in keys])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
try:
    s3.get_many(keys)
except Exception as problem:
    print(type(problem).__name__, str(problem).split("\\n")[0])
"""
WAIT = """
def stop(*_):
    raise TimeoutError("too long")
signal.signal(signal.SIGALRM, stop)
signal.alarm(2)
try:
    s3.get_many(keys)
except TimeoutError as problem:
    print(problem)
"""
TELL = """
def attempt(action, *args, **kwargs):
    try:
        print(action.__name__, action(*args, **kwargs))
    except Exception as problem:
        print(action.__name__, type(problem).__name__, problem)
"""


def beginning(port, retries, folder):
    return SETTINGS.format(aws=settings(port), retries=retries, folder=folder)


@pytest.fixture(scope="module")
def port():
    with s3_server() as port:
        yield port


@pytest.fixture
def proxy(port):
    with faulty_proxy(port) as faults_and_port:
        yield faults_and_port


@pytest.fixture
def both_sides(python, port, proxy):
    """Run a script before and after, each in a folder of S3 of its own, with the same faults."""

    def run(script, spoiled, retries=1):
        faults, faulty = proxy
        said = []
        for side in ("before", "after"):
            s3 = client(port)
            for key in (f"key-{i}" for i in range(12)):
                content = f"content of {key}"
                s3.put_object(Bucket="bucket", Key=f"{side}/{key}", Body=content)
            faults.update(spoiled)
            started = beginning(faulty, retries, side)
            said.append(python(NEWEST, side, started + script).replace(f"/{side}/", "/"))
            assert all(times < spoiled[name][0] for name, (times, _) in faults.items())
        assert said[1] == said[0]
        return said[1]

    return run


PASSING = {
    "throttled": (503, "SlowDown"),
    "broken": (500, "InternalError"),
    "cut off": "cut",
    "closed": "close",
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_what_passes_is_tried_again(both_sides, fault):
    spoiled = {"key-0": (1, fault), "key-7": (1, fault)}
    said = both_sides(READ.format(return_missing=False), spoiled, retries=2)
    assert said.splitlines()[0] == str([f"content of key-{i}" for i in range(12)])


@pytest.mark.parametrize(
    "fault", [(503, "SlowDown"), (403, "AccessDenied"), (404, "NoSuchKey"), "cut"]
)
def test_what_does_not_pass_is_told_as_before(both_sides, fault):
    script = TELL + "attempt(s3.get_many, keys)\n"
    if fault != "cut":
        script += "attempt(s3.info_many, keys)\n"
    if fault not in ("cut", (404, "NoSuchKey")):
        script += "attempt(s3.put_many, [(key, 'new') for key in keys])\n"
    said = both_sides(script, {"key-0": (1000, fault)}, retries=0)
    assert said.startswith("get_many MetaflowS3")


def test_a_key_that_vanishes_is_missing(both_sides):
    spoiled = {"key-3": (1000, (404, "NoSuchKey"))}
    said = both_sides(READ.format(return_missing=True), spoiled, retries=0)
    texts = [f"content of key-{i}" if i != 3 else None for i in range(12)]
    assert said.splitlines()[0] == str(texts)


@pytest.mark.parametrize("fault", [(503, "SlowDown"), "close"])
def test_what_is_not_written_is_written_again(both_sides, fault):
    script = "print(s3.put_many([(key, 'new ' + key) for key in keys]))\n"
    script += READ.format(return_missing=False)
    said = both_sides(script, {"key-0": (1, fault), "key-7": (1, fault)}, retries=2)
    assert said.splitlines()[1] == str([f"new key-{i}" for i in range(12)])


def test_what_can_not_be_written_is_never_taken_for_written(python, port, proxy):
    faults, faulty = proxy
    faults.update({"key-0": (1000, (404, "NoSuchKey"))})
    script = TELL + "attempt(s3.put_many, [(key, 'new') for key in keys])\n"
    said = python(NEWEST, "after", beginning(faulty, 0, "x") + script)
    assert said == "put_many MetaflowS3Exception 1 objects were not put\n"


def test_a_full_disk_is_told_as_before(both_sides):
    assert both_sides(FULL_DISK, {}, retries=0).startswith("MetaflowS3")


def test_a_timeout_does_not_wait_for_a_server_that_is_silent(python):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(64)
        started = beginning(silent.getsockname()[1], 0, "x")
        start = time.monotonic()
        assert python(NEWEST, "after", started + WAIT) == "too long\n"
        assert time.monotonic() - start < 30


def test_what_one_side_writes_the_other_reads(python, port):
    script = """
from metaflow.plugins.datatools.s3.s3 import S3PutObject
meta = {{"user": "attributes"}}
put = S3PutObject(key="a b#c?", value="1" * 100, content_type="text/plain", metadata=meta)
if "{do}" == "write":
    print(s3.put_many([put, ("unicode \\u00e9", "2"), ("empty", "")]))
else:
    keys = ["a b#c", "unicode \\u00e9", "empty", "missing"]
    for obj in s3.get_many(keys, return_missing=True) + s3.info_many(keys, return_missing=True):
        print(obj.key, obj.exists, obj.size, obj.content_type, obj.metadata, obj.range_info)
    from metaflow.plugins.datatools.s3.s3 import S3GetObject
    (part,) = s3.get_many([S3GetObject("a b#c", 10, 5)])
    print(part.text, part.range_info)
"""
    said = {}
    for writer in ("before", "after"):
        started = beginning(port, 0, f"written-{writer}")
        said[writer] = [python(NEWEST, writer, started + script.format(do="write"))]
        for reader in ("before", "after"):
            said[writer].append(python(NEWEST, reader, started + script.format(do="read")))
    before, after = ([each.replace(side, "") for each in said[side]] for side in said)
    assert before == after
    assert before[1] == before[2]
