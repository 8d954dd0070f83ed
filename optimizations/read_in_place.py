"""Copy a local store's blobs into the cache only if they unpack slowly.

The client copies each blob that it reads into its cache of files, so that it is not downloaded
twice. The local store's blobs are files already. Root cause: `load_blobs` copies every blob into
the cache, wherever it was read. Making the file, writing it and checking the cache's limit take
longer than all else for a small artifact, and as long as reading for a large one.

What changes: a blob of the local store is copied into the cache only if that saves unpacking it: if
it was compressed and is larger than 16 KB. Downloaded blobs are copied as before, and existing
copies are read as before.

Reproduce: where a foreach of 50 tasks ran locally, with an empty `METAFLOW_CLIENT_CACHE_PATH`:

    python -c "if 1:
    from metaflow import Flow
    import time
    start = time.time()
    [task.data for task in Flow('MyFlow').latest_run['my_step']]
    print(time.time() - start)"

Before: most of the time goes into files below the cache's path. After: no file is made there.

Could fail:

- A storage hands out its own file and deletes it later: only a path that `full_uri` gives for the
  key counts as in place. S3, Azure and Google Cloud hand out temporary files.
- A file is deleted while it is read: that was as likely while it was copied.

Price: an artifact that was read once can no longer be read after the local store was deleted. Where
the local store lies on a network file system and the cache does not, each later read goes over the
network.
"""

from optimizations.edits import Claim, SourceTree

CLAIMS = (
    Claim("client.ManyTasks.time_collect(50)", "data of 50 tasks"),
    Claim("client.ReadArtifact.time_read(cold, metrics-52KB)", "first read of metrics 52 KB"),
    Claim("client.ReadArtifact.time_read(cold, float64-8MB)", "first read of float64 8 MB"),
)


def apply(tree: SourceTree) -> None:
    """Ask before a blob is copied into the cache."""
    tree["metaflow/datastore/content_addressed_store.py"].replace_statement(
        within="ContentAddressedStore.load_blobs",
        find="""
        if self._blob_cache:
            self._blob_cache.store_key(key, blob)
        """,
        by="""
        is_raw = force_raw or (meta and meta.get("cas_raw", False))
        # A file of the local store is only worth a copy if that saves unpacking it
        in_place = file_path == self._storage_impl.full_uri(path_key)
        is_worth_a_copy = not in_place or not (is_raw or len(blob) <= 16 * 1024)
        if self._blob_cache and is_worth_a_copy:
            self._blob_cache.store_key(key, blob)
        """,
    )
    tree.insert("test/unit/test_read_in_place.py")
