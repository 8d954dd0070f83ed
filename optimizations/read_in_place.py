"""Read a local store's blobs where they are, and copy them no more into the client's cache.

The client keeps a copy of each blob that it reads in its cache of files, so that a blob is not
downloaded twice. The local store's blobs are files beside it already: for a small one, making the
copy takes longer than all else, and for a large one as long as reading it.

What changes: a blob is copied into the cache only if the copy is worth something: if the storage
downloaded it (what was read is not the stored file itself), or if it is compressed and larger than
16 KB, so that the copy saves unpacking it again. Copies that are in the cache are used as before,
and its layout, its limit and other storages' blobs stay as they are.

How to measure: `client.ManyTasks` and `client.ReadArtifact`, wall time: making files is the
system's work, and instruction counts do not see it.

Risk: an artifact that was read once can no longer be read again after the store was deleted. Where
a local store lies on a network file system, and the cache does not, a later read goes there again,
as reading metadata does.
"""

from optimizations.edits import Claim, SourceTree

CLAIMS = (
    Claim("client.ReadArtifact.time_read(cold, metrics-52KB)", "first read of metrics 52 KB"),
    Claim("client.ReadArtifact.time_read(cold, float64-8MB)", "first read of float64 8 MB"),
    Claim("client.ManyTasks.time_collect(50)", "data of 50 tasks"),
)

STORE = "metaflow/datastore/content_addressed_store.py"
CLASS = "ContentAddressedStore"


def _is_worth_a_copy(blob, raw, in_place):
    # A copy of a stored file saves no more than unpacking it.
    return not in_place or not (raw or len(blob) <= 16 * 1024)


def apply(tree: SourceTree) -> None:
    """Ask before a blob is copied into the cache."""
    store = tree[STORE]
    store.replace_statement(
        within=f"{CLASS}.load_blobs",
        find="""
        if self._blob_cache:
            self._blob_cache.store_key(key, blob)
        """,
        by="""
        if self._blob_cache and _is_worth_a_copy(
            blob,
            raw=force_raw or (meta and meta.get("cas_raw", False)),
            in_place=file_path == self._storage_impl.full_uri(path_key),
        ):
            self._blob_cache.store_key(key, blob)
        """,
    )
    store.add_definition(_is_worth_a_copy, before=CLASS)
