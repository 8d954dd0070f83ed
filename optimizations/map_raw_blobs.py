"""Unpickle an artifact that is stored as it is from its file, without reading a copy first.

To load an artifact, metaflow reads all of its file into memory, and unpickles that: a large array
is in memory twice for a moment. Where the blob is not compressed, this is nearly all of the time,
because the system has to find and clear fresh memory for both. Root cause: `load_blobs` returns
bytes, whatever is done with them.

What changes: `load_artifacts` tells `load_blobs` that it only unpickles what it gets. A blob of
64 KB or more that is stored as it is then comes as a map of its file (`mmap`). Pickle reads it like
bytes, and copies from there what becomes part of an object. For other serializers, and for all other
callers, blobs are bytes as before.

Reproduce: save an array of 100 MB of random floats, and load it in a new process: half the time.
The file is read into the system's cache either way; what is spared is a copy in memory of its own.

Could fail:

- The file changes or vanishes while it is read: the local store replaces files only by renaming
  complete ones, and a map keeps what it shows. Remote storages hand out temporary files.
- A caller needs bytes: only `load_artifacts` asks for maps, and only where pickle takes them.
- Small or empty files, which can't be mapped: below 64 KB a file is read as before.

Price: if the local store lies on a network file system that fails in the middle of a load, the
process is killed (SIGBUS) instead of getting an error.
"""

from optimizations.edits import Claim, SourceTree

NEEDS = ("artifact_compression",)
CLAIMS = (
    Claim("artifacts.Load.time_load(float64-8MB)", "loading float64 8 MB"),
    Claim("artifacts.Load.time_load(embeddings-8MB)", "loading float32 embeddings 8 MB"),
    Claim("artifacts.Load.time_load(random-5MB)", "loading random bytes 5 MB"),
    Claim("client.ReadArtifact.time_read(cold, float64-8MB)", "first read of float64 8 MB"),
)

STORE = "metaflow/datastore/content_addressed_store.py"
TASK = "metaflow/datastore/task_datastore.py"
LOAD = """self._ca_store.load_blobs(
    to_load.keys(),
    may_map=all(s.TYPE == "pickle" for s, _ in deserializers.values()),
)"""
# Before there were serializers.
OLD_LOAD = "self._ca_store.load_blobs(to_load.keys(), may_map=True)"


def apply(tree: SourceTree) -> None:
    """Let who only unpickles say so."""
    store, task = tree[STORE], tree[TASK]
    store.add_parameter("ContentAddressedStore.load_blobs", "may_map=False")
    store.replace_statement(
        within="ContentAddressedStore.load_blobs",
        find="blob = f.read()",
        by="""
        if may_map and os.fstat(f.fileno()).st_size >= LARGE:
            # The caller copies what it needs of the file
            import mmap

            blob = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
        else:
            blob = f.read()
        """,
    )
    task.replace_expression(
        "self._ca_store.load_blobs(to_load.keys())",
        by=LOAD if "deserializers" in task.source else OLD_LOAD,
    )
    tree.insert("test/unit/test_map_raw_blobs.py")
