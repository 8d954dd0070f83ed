import os
import threading
from datetime import datetime
from io import BytesIO

import pytest
from botocore.exceptions import ClientError, ProfileNotFound

from metaflow.plugins.datatools.s3 import s3 as s3_module
from metaflow.plugins.datatools.s3 import s3threads
from metaflow.plugins.datatools.s3.s3 import S3, MetaflowS3NotFound, S3PutObject

KEYS = [str(i) for i in range(20)]


def client_error(code):
    return ClientError({"Error": {"Code": code}}, "some operation")


class Client:
    """Keeps objects in memory. Keys in `failing` raise a wanted error."""

    def __init__(self):
        self.objects = {key: b"body %s" % key.encode() for key in KEYS}
        self.args = {}
        self.failing = {}
        self.threads = set()

    def head_object(self, Bucket, Key):
        self.threads.add(threading.current_thread())
        if Key in self.failing:
            raise self.failing[Key]
        if Key not in self.objects:
            raise client_error("404")
        return {
            "ContentLength": len(self.objects[Key]),
            "ContentType": "text",
            "Metadata": {},
            "LastModified": datetime(2020, 1, 1),
        }

    def get_object(self, Bucket, Key):
        return dict(self.head_object(Bucket, Key), Body=BytesIO(self.objects[Key]))

    def upload_file(self, Filename, Bucket, Key, ExtraArgs, Config):
        self.threads.add(threading.current_thread())
        if Key in self.failing:
            raise self.failing[Key]
        with open(Filename, "rb") as f:
            self.objects[Key] = f.read()
        self.args[Key] = ExtraArgs


@pytest.fixture
def client(mocker):
    made = Client()
    mocker.patch.object(s3_module, "get_s3_client", return_value=(made, ClientError))
    return made


@pytest.fixture
def s3(client, tmp_path):
    return S3(s3root="s3://bucket", tmproot=str(tmp_path), encryption=None)


@pytest.fixture
def left(mocker):
    """The keys left to s3op, which has an answer for each."""
    keys = []

    def read(self, op, prefixes_and_ranges, **kwargs):
        for url, _ in prefixes_and_ranges:
            keys.append(url.split("/")[-1])
            yield url, url, None

    def put(self, url_info, overwrite):
        keys.extend(info["key"] for _, _, info in url_info)
        return [(info["key"], url) for _, url, info in url_info]

    mocker.patch.object(S3, "_read_many_files", read)
    mocker.patch.object(S3, "_put_many_files", put)
    return keys


def test_objects_are_read_in_threads(s3, client, left):
    objs = s3.get_many(KEYS)
    assert [obj.key for obj in objs] == KEYS
    assert [obj.blob for obj in objs] == [b"body %s" % key.encode() for key in KEYS]
    assert [obj.content_type for obj in s3.info_many(KEYS)] == ["text"] * 20
    assert left == []
    assert 1 <= len(client.threads) <= 20
    assert threading.current_thread() not in client.threads
    assert not any(thread.is_alive() for thread in client.threads)


def test_missing_objects_are_not_left_to_s3op(s3, left):
    objs = s3.get_many(KEYS + ["missing"], return_missing=True)
    assert [obj.exists for obj in objs] == [True] * 20 + [False]
    objs = s3.info_many(["missing"] + KEYS, return_missing=True)
    assert [obj.exists for obj in objs] == [False] + [True] * 20
    assert left == []


@pytest.mark.parametrize("error", [client_error("SlowDown"), client_error("403"), OSError(28)])
def test_what_fails_is_left_to_s3op(s3, client, left, error):
    client.failing = {"3": error, "17": error}
    objs = s3.get_many(KEYS, return_missing=True, return_info=False)
    assert [obj.key for obj in objs] == KEYS
    assert [obj.key for obj in objs if not obj.exists] == ["3", "17"]
    assert left == ["3", "17"]
    assert len(os.listdir(s3._tmpdir)) == 18
    assert s3.put_many((key, "new") for key in KEYS) == [(k, "s3://bucket/" + k) for k in KEYS]
    assert left == ["3", "17"] * 2


def test_errors_are_those_of_s3op(s3, mocker):
    def fail(self, op, prefixes_and_ranges, **kwargs):
        raise MetaflowS3NotFound("s3op failed: %s" % list(prefixes_and_ranges))
        yield

    mocker.patch.object(S3, "_read_many_files", fail)
    with pytest.raises(MetaflowS3NotFound, match="s3op failed: .*missing"):
        s3.get_many(KEYS + ["missing"])


def test_objects_are_written_in_threads(s3, client, left, tmp_path):
    (tmp_path / "file").write_text("from a file")
    put = S3PutObject(key="b", value="text", content_type="text", metadata={"x": 1})
    assert s3.put_many([("a", b"bytes"), put]) == [
        ("a", "s3://bucket/a"),
        ("b", "s3://bucket/b"),
    ]
    assert s3.put_files([("c", str(tmp_path / "file"))]) == [("c", "s3://bucket/c")]
    assert [client.objects[key] for key in "abc"] == [b"bytes", b"text", b"from a file"]
    attributes = {"Metadata": {"metaflow-user-attributes": '{"x": 1}'}}
    assert client.args == {"a": {}, "b": dict(attributes, ContentType="text"), "c": {}}
    assert left == []


def test_existing_objects_are_not_overwritten(s3, client, left):
    client.failing = {"5": client_error("503")}
    put = s3.put_many([("1", "new"), ("a", "new"), ("5", "new")], overwrite=False)
    assert put == [("a", "s3://bucket/a"), ("5", "s3://bucket/5")]
    assert (client.objects["1"], client.objects["a"]) == (b"body 1", b"new")
    assert left == ["5"]


@pytest.mark.parametrize("setting", [0, 19])
def test_larger_batches_are_left_to_s3op(s3, client, left, mocker, setting):
    mocker.patch.object(s3threads, "S3_THREADS_MAX_OBJECTS", setting)
    s3.get_many(KEYS, return_missing=True)
    assert (left, client.threads) == (KEYS, set())


def test_injected_failures_are_left_to_s3op(s3, left):
    s3._s3_inject_failures = 50
    s3.get_many(KEYS, return_missing=True)
    assert left == KEYS


def test_what_is_large_is_left_to_s3op(s3, client, left, mocker):
    client.objects["0"] = bytes(16 * 1024 * 1024 + 1)
    objs = s3.get_many(["0", "1"], return_missing=True)
    assert [obj.key for obj in objs] == ["0", "1"]
    assert left == ["0"]
    mocker.patch.object(s3threads, "MAX_SIZE", 10)
    s3.put_many([("2", "y" * 11), ("3", "y" * 10)])
    assert left == ["0", "2"]


def test_without_a_client_all_is_left_to_s3op(s3, left, mocker):
    error = ProfileNotFound(profile="mine")
    mocker.patch.object(s3_module, "get_s3_client", side_effect=error)
    s3.get_many(KEYS, return_missing=True)
    assert left == KEYS


@pytest.mark.parametrize("started", [0, 1])
def test_where_no_thread_can_be_started_s3op_does_the_rest(s3, left, mocker, started):
    threads = []

    class FewThreads(threading.Thread):
        def start(self):
            if len(threads) == started:
                raise RuntimeError("can't start new thread")
            threads.append(self)
            super().start()

    mocker.patch.object(s3threads, "Thread", FewThreads)
    assert len(s3.get_many(KEYS, return_missing=True)) == 20
    assert left == ([] if started else KEYS)


def test_an_interrupt_stops_the_threads(s3, client, left, mocker):
    go_on, calls = threading.Event(), []
    head_object = client.head_object

    def wait_and_head(**kwargs):
        calls.append(kwargs)
        go_on.wait(10)
        return head_object(**kwargs)

    class Interrupted(threading.Thread):
        def join(self):
            raise KeyboardInterrupt

    client.head_object = wait_and_head
    mocker.patch.object(s3threads, "Thread", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        s3.info_many(KEYS)
    go_on.set()
    for thread in threading.enumerate():
        if isinstance(thread, Interrupted):
            threading.Thread.join(thread)
    assert 1 <= len(calls) <= 10
    assert left == []
