"""Keep an artifact's pickle in the pieces that pickle writes: joining them copies it once more.

`pickle.dumps` copies a large array or string twice: to bytes, and these into the one result. To
fill memory for the first time takes as long as to hash or to write it, and the peak of memory is
one artifact higher.

What changes: pickle writes into a list. What is larger than its frames of 64 KB is a piece of its
own there (bytes are not copied at all), and the pieces are hashed, compressed and written to the
local store one after the other. The bytes are the same, so keys and files are. Other storages get
a file, as before, that joins the pieces when it is read; other serializers are not concerned.

How to measure: `artifacts.Save` and `artifacts.Memory` of large payloads.

Risk: a storage of somebody's own that takes no more than `BytesIO`, though files of any kind were
promised to it; and whoever replaces `PickleSerializer.serialize`, `LocalStorage._atomic_write` or
`pickle.dumps` in a running process.
"""

from optimizations.edits import Claim, SourceTree

CLAIMS = (
    Claim("artifacts.Memory.track_peak_of_save(float64-8MB)", "memory to save float64 8 MB"),
    Claim("artifacts.Memory.track_peak_of_save(columns-20MB)", "memory to save columns 20 MB"),
    Claim("artifacts.Memory.track_peak_of_save(zeros-64MB)", "memory to save zeros 64 MB"),
)

STORE = "metaflow/datastore/content_addressed_store.py"
TASK = "metaflow/datastore/task_datastore.py"
LOCAL = "metaflow/plugins/datastores/local_storage.py"
SERIALIZER = "metaflow/plugins/datastores/serializers/pickle_serializer.py"
BLOB = "metaflow/datastore/artifacts/serializer.py"


def _serialized(serializer, obj):
    """Serialize an artifact; what pickle writes stays in pieces."""
    from metaflow.plugins.datastores.serializers.pickle_serializer import (
        PickleSerializer,
    )

    if serializer is PickleSerializer:
        return serializer.serialize(obj, dumps=pickled)
    return serializer.serialize(obj, format=SerializationFormat.STORAGE)


def apply(tree: SourceTree) -> None:
    """Let pickle write into a list, and hash, compress and write what it holds."""
    tree.insert("metaflow/datastore/pieces.py")
    store = tree[STORE]
    store.replace_expression("sha1(blob).hexdigest()", by="hexdigest(sha1, blob)")
    store.replace_expression("BytesIO(blob)", by="as_file(blob)")
    store.replace_expression("f.write(blob)", by="f.writelines(pieces_of(blob))")
    store.add_import("from .pieces import as_file, hexdigest, pieces_of")
    pickle_in_pieces(tree)
    write_pieces(tree)


def pickle_in_pieces(tree: SourceTree) -> None:
    """Replace `pickle.dumps` where artifacts are pickled."""
    task = tree[TASK]
    task.add_import("from .pieces import pickled")
    if SERIALIZER not in tree:
        for protocol in (2, 4):
            dumps = f"(obj, protocol={protocol})"
            task.replace_expression(f"pickle.dumps{dumps}", by=f"pickled{dumps}", everywhere=True)
        return
    serialize = "serializer.serialize(obj, format=SerializationFormat.STORAGE)"
    task.replace_expression(serialize, by="_serialized(serializer, obj)")
    task.add_definition(_serialized, before="TaskDataStore")
    pickling = tree[SERIALIZER]
    pickling.add_parameter("PickleSerializer.serialize", "dumps=pickle.dumps")
    pickling.replace_expression("pickle.dumps(obj, protocol=4)", by="dumps(obj, protocol=4)")
    blob = tree[BLOB]
    blob.replace_expression("(str, bytes)", by="(str, bytes, Pieces)")
    blob.add_import("from metaflow.datastore.pieces import Pieces")


def write_pieces(tree: SourceTree) -> None:
    """Let the local store write what it is given without joining it."""
    local = tree[LOCAL]
    local.add_import("from metaflow.datastore.pieces import content_of, pieces_of")
    if local.has("LocalStorage._atomic_write"):
        local.replace_expression("byte_obj.read()", by="content_of(byte_obj)")
        local.replace_expression("f.write(data)", by="f.writelines(pieces_of(data))")
    else:
        # Older releases do not write files beside and rename them.
        local.replace_expression(
            "f.write(byte_obj.read())", by="f.writelines(pieces_of(content_of(byte_obj)))"
        )
