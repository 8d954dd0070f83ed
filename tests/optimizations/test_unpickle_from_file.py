"""What is stored as it is, is unpickled from its file: equal values, and nothing left open."""

import pytest

from optimizations.edits import DoesNotApply
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of

# A task's store in a folder, written and read again by metaflow's own classes.
STORE = """
import gc, os, pickle, random, shutil, sys, tracemalloc, warnings
from pathlib import Path
from metaflow.datastore import FlowDataStore
from metaflow.datastore.exceptions import DataException
from metaflow.metaflow_environment import MetaflowEnvironment
from metaflow.plugins.datastores.local_storage import LocalStorage

warnings.simplefilter("error")
noise = random.Random(0).randbytes

def task(mode, storage=LocalStorage):
    flow = FlowDataStore("Flow", MetaflowEnvironment(None), storage_impl=storage, ds_root="root")
    return flow.get_task_datastore("1", "start", "1", attempt=0, mode=mode)

def save(**artifacts):
    shutil.rmtree("root", ignore_errors=True)
    store = task("w")
    store.init_task()
    store.save_artifacts(iter(artifacts.items()))
    store.done()

def load(*names, **options):
    return list(task("r", **options).load_artifacts(names))

def open_files():
    return [each for each in Path("/proc/self/fd").iterdir() if "root" in os.path.realpath(each)]
"""
OF_SEVERAL_KINDS = """
save(
    noise=noise(300_000), list=[noise(70_000) for _ in range(9)], empty=b"", number=7,
    text="word " * 100_000, parts=[noise(100_000), {"a": "b" * 100_000}],
    bytes=bytearray(noise(99_999)),
)
for name, value in load("noise", "list", "empty", "number", "text", "parts", "bytes"):
    print(name, type(value).__name__, hash(repr(value)))
print(open_files())
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_values_are_those_of_before(python, version):
    said = both(python, version, STORE + OF_SEVERAL_KINDS)
    assert said.count("\n") == 8
    assert said.endswith("[]\n")


@pytest.mark.parametrize("version", VERSIONS)
def test_two_names_of_equal_content_are_two_objects(python, version):
    script = """
value = [noise(200_000)]
save(one=value, two=list(value))
loaded = dict(load("one", "two"))
print(loaded["one"] == loaded["two"] == value, loaded["one"] is loaded["two"])
"""
    assert both(python, version, STORE + script) == "True False\n"


def test_what_is_not_read_to_its_end_is_closed(python):
    script = """
save(one=noise(200_000), two=noise(200_001))
loading = task("r").load_artifacts(["one", "two"])
next(loading)
del loading
gc.collect()
print(open_files())
"""
    assert both(python, NEWEST, STORE + script) == "[]\n"


@pytest.mark.parametrize("kept", [0, 1, 70_000])
def test_what_was_cut_short_is_no_value(python, kept):
    script = f"""
save(value=noise(200_000))
(blob,) = [file for file in Path("root/Flow/data").glob("*/*") if not file.name.endswith("_meta")]
blob.write_bytes(blob.read_bytes()[:{kept}])
try:
    print(load("value"))
except (EOFError, pickle.UnpicklingError, DataException):
    print("refused")
"""
    assert both(python, NEWEST, STORE + script) == "refused\n"


def test_other_serializers_are_given_bytes(python):
    script = """
from metaflow.datastore.artifacts import serializer
from metaflow.datastore.artifacts.serializer import ArtifactSerializer, SerializerStore

class Reversed(ArtifactSerializer):
    TYPE, PRIORITY = "reversed", 1

    @classmethod
    def can_serialize(cls, value):
        return isinstance(value, bytes)

    @classmethod
    def can_deserialize(cls, metadata):
        return metadata.encoding == "reversed"

    @classmethod
    def serialize(cls, value, format=None):
        described = serializer.SerializationMetadata("bytes", len(value), "reversed", {})
        return [serializer.SerializedBlob(value[::-1])], described

    @classmethod
    def deserialize(cls, data, metadata=None, format=None):
        print(type(data[0]).__name__)
        return data[0][::-1]

SerializerStore._active_serializers.add(Reversed)
SerializerStore._ordered_cache = None
value = noise(200_000)
zeros = bytes(2_000_000)
save(value=value, zeros=zeros, other=[value])
loaded = dict(load("value", "zeros", "other"))
print(loaded["value"] == value, loaded["zeros"] == zeros, loaded["other"] == [value])
"""
    assert both(python, NEWEST, STORE + script) == "bytes\nbytes\nTrue True True\n"


def test_a_large_value_is_in_memory_once(python):
    script = """
save(value=noise(4_000_000))
store = task("r")
tracemalloc.start()
((_, value),) = store.load_artifacts(["value"])
print(tracemalloc.get_traced_memory()[1] < 6_000_000)
"""
    assert python(NEWEST, "before", STORE + script) == "False\n"
    assert python(NEWEST, "after", STORE + script) == "True\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_it_refuses_what_does_not_ask_about_copies(series, version):
    with pytest.raises(DoesNotApply, match="_is_worth_a_copy: not found; read_in_place adds it"):
        applied("unpickle_from_file", tree_of(series, version))
