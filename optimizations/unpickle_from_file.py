"""Unpickle from the file what is stored as it is, and hold it in memory once.

To load an artifact, all of its file is read, and then unpickled: a large array or string is in
memory twice, and to fill memory for the first time takes as long as all else.

What changes: where a blob is stored as it is, the datastore hands its open file to `pickle.load`,
which reads a large string of bytes right to where it stays. Blobs that are compressed, or go into
the client's cache, and those of other serializers are read as before.

How to measure: `artifacts.Load` and `artifacts.Memory` of what does not compress, as float64-8MB.

Risk: a pickle that was cut short raises another error (EOFError) than before.
"""

from optimizations.errors import DoesNotApply
from optimizations.source_tree import SourceTree

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


def _unpickled(blob):
    """Unpickle bytes, or a file from its beginning."""
    if isinstance(blob, bytes):
        return pickle.loads(blob)  # noqa: F821
    blob.seek(0)
    return pickle.load(blob)  # noqa: F821


def _deserialized(deserializer, blob, metadata):
    """Deserialize bytes, or a file from its beginning."""
    from metaflow.plugins.datastores.serializers import pickle_serializer

    if not isinstance(blob, bytes):
        blob.seek(0)
        if deserializer is pickle_serializer.PickleSerializer:
            return pickle_serializer.pickle.load(blob)
        blob = blob.read()
    return deserializer.deserialize(
        [blob],
        metadata,
        format=SerializationFormat.STORAGE,  # noqa: F821
    )


def apply(tree: SourceTree) -> None:
    """Let a task's datastore ask for open files."""
    store, task = tree[STORE], tree[TASK]
    if not store.has("_is_worth_a_copy"):
        raise DoesNotApply(f"{STORE}: _is_worth_a_copy: not found; read_in_place adds it")
    store.add_parameter(LOADING, "as_files=False")
    store.replace_statement(
        within=LOADING,
        find=READ,
        by="""
        if as_files and not (
            self._blob_cache
            and file_path != self._storage_impl.full_uri(path_key)
        ):
            # Read by whoever asked for it, to where it is to stay.
            yield key, f
            continue
        """
        + READ,
    )
    task.replace_expression(
        "self._ca_store.load_blobs(to_load.keys())",
        by="self._ca_store.load_blobs(to_load.keys(), as_files=True)",
    )
    if UNPICKLED in task.source:
        task.replace_statement(
            within="TaskDataStore.load_artifacts", find=UNPICKLED, by="yield name, _unpickled(blob)"
        )
        task.add_definition(_unpickled, before="TaskDataStore")
    else:
        task.replace_expression(
            DESERIALIZED.strip(), by="_deserialized(deserializer, blob, metadata)"
        )
        task.add_definition(_deserialized, before="TaskDataStore")
