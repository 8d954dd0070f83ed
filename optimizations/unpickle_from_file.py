"""Unpickle from the file what is stored as it is, and hold it in memory once.

To load an artifact, all of its file is read, and then unpickled: a large array or string is in
memory twice, and to fill memory for the first time takes as long as all else.

What changes: where a blob is stored as it is, the datastore hands its open file to `pickle.load`,
which reads a large string of bytes right to where it stays. Blobs that are compressed, that go into
the client's cache, that have several names, and those of other serializers are read as before.

How to measure: `artifacts.Load` and `artifacts.Memory` of what does not compress, as float64-8MB.

Risk: a pickle that was cut short raises another error (EOFError) than before.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree
from optimizations.edits.source_definitions import NewCode

CLAIMS = (
    Claim("artifacts.Load.time_load(float64-8MB)", "loading float64 8 MB"),
    Claim("artifacts.Load.time_load(embeddings-8MB)", "loading float32 embeddings 8 MB"),
    Claim("artifacts.Load.time_load(random-5MB)", "loading random bytes 5 MB"),
)

STORE = "metaflow/datastore/content_addressed_store.py"
TASK = "metaflow/datastore/task_datastore.py"
LOADING = "ContentAddressedStore.load_blobs"
READ = "blob = f.read()"
UNPICKLED = "yield name, pickle.loads(blob)"
DESERIALIZED = """
deserializer.deserialize(
    [blob], metadata, format=SerializationFormat.STORAGE
)
"""


def _read_from_files(to_load):
    """Return the keys that are loaded under one name: others are read once, for all their names."""
    return {key for key, names in to_load.items() if len(names) == 1}


def _unpickled(blob):
    """Unpickle bytes, or what a file holds."""
    return pickle.loads(blob) if isinstance(blob, bytes) else pickle.load(blob)


def _unpickled_from_files(to_load, deserializers):
    """Return the keys that pickle alone loads, under one name: it reads files by itself."""
    from metaflow.plugins.datastores.serializers.pickle_serializer import (
        PickleSerializer,
    )

    return {
        key
        for key, names in to_load.items()
        if len(names) == 1 and deserializers[names[0]][0] is PickleSerializer
    }


def _deserialized(deserializer, blob, metadata):
    """Deserialize bytes, or what a file holds that pickle reads."""
    if not isinstance(blob, bytes):
        return pickle.load(blob)
    return deserializer.deserialize(
        [blob],
        metadata,
        format=SerializationFormat.STORAGE,
    )


def apply(tree: SourceTree) -> None:
    """Let a task's datastore ask for open files."""
    store, task = tree[STORE], tree[TASK]
    if not store.has("_is_worth_a_copy"):
        raise DoesNotApply(f"{STORE}: _is_worth_a_copy: not found; read_in_place adds it")
    store.add_parameter(LOADING, "as_files=()")
    store.replace_statement(
        within=LOADING,
        find=READ,
        by="""
        if key in as_files and not (
            self._blob_cache
            and file_path != self._storage_impl.full_uri(path_key)
        ):
            # Read by whoever asked for it, to where it is to stay.
            yield key, f
            continue
        """
        + READ,
    )
    if UNPICKLED in task.source:
        chosen = "_read_from_files(to_load)"
        task.replace_statement(
            within="TaskDataStore.load_artifacts", find=UNPICKLED, by="yield name, _unpickled(blob)"
        )
        new: tuple[NewCode, ...] = (_read_from_files, _unpickled)
    else:
        chosen = "_unpickled_from_files(to_load, deserializers)"
        task.replace_expression(
            DESERIALIZED.strip(), by="_deserialized(deserializer, blob, metadata)"
        )
        task.add_import("import pickle")
        new = (_unpickled_from_files, _deserialized)
    for definition in new:
        task.add_definition(definition, before="TaskDataStore")
    task.replace_expression(
        "self._ca_store.load_blobs(to_load.keys())",
        by=f"self._ca_store.load_blobs(to_load.keys(), as_files={chosen})",
    )
