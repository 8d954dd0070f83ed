"""Unpickle uncompressed artifacts straight from their files.

To load an artifact, metaflow reads its whole file into memory and unpickles that, so a large array
is briefly in memory twice. For an uncompressed blob this is nearly all of the time, because the
system has to provide and clear memory for both. Root cause: `load_blobs` always returns bytes.

What changes: `load_artifacts` tells `load_blobs` that it only unpickles what it gets. An
uncompressed blob of 64 KB or more then comes as a map of its file (`mmap`). Pickle reads it like
bytes, and copies what becomes part of an object. For other serializers, and for all other callers,
blobs are bytes as before.

Reproduce: save an array of 100 MB of random floats, and load it in a new process: half the time.
The file is read into the system's cache either way; this saves one copy in memory.

Could fail:

- The file changes or vanishes while it is read: the local store only replaces whole files, by
  renaming, and a map keeps the old file. Remote storages hand out temporary files.
- A caller needs bytes: only `load_artifacts` asks for maps, and only where pickle takes them.
- A file can't be mapped, as on some shared folders, or is empty: it is read as before.
- The client's cache gets a map instead of bytes: it only writes it to a file.

Price: if the local store lies on a network file system that fails in the middle of a load, the
process is killed (SIGBUS) instead of getting an error. A temporary file of a remote storage takes
its place on the disk until its artifact is loaded. An extension's serializer of type "pickle" gets
a map, too.
"""

from optimizations.edits import Claim, SourceTree

NEEDS = ("artifact_compression",)
CLAIMS = (
    Claim("artifacts.Load.time_load(float64-8MB)", "loading float64 8 MB"),
    Claim("artifacts.Load.time_load(random-5MB)", "loading random bytes 5 MB"),
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
    """Let `load_artifacts` ask for maps of files."""
    store, task = tree[STORE], tree[TASK]
    store.add_parameter("ContentAddressedStore.load_blobs", "may_map=False")
    store.replace_statement(
        within="ContentAddressedStore.load_blobs",
        find="blob = f.read()",
        by="""
        blob = None
        if may_map and os.fstat(f.fileno()).st_size >= LARGE:
            import mmap

            try:
                blob = mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError):
                pass  # some file systems can't
        if blob is None:
            blob = f.read()
        """,
    )
    task.replace_expression(
        "self._ca_store.load_blobs(to_load.keys())",
        by=LOAD if "deserializers" in task.source else OLD_LOAD,
    )
    tree.insert("test/unit/test_map_raw_blobs.py")
