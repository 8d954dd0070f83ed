"""Compress artifacts only where it saves space, and in threads.

Every artifact goes through gzip at level 3, in one thread. That is most of the time of saving and
loading it: more than nine tenths of saving 8 MB of random floats. Arrays of floats, embeddings,
images and compressed files become a few percent smaller. Root cause:
`ContentAddressedStore._pack_v1` does not look at what it compresses.

What changes: blobs below 64 KB are stored as before. A larger one is split into two or more
segments of at most 1 MB. Of each, a sample of 98 slices of 128 bytes is compressed at zlib's level
1. The segment is compressed if the sample shrinks below 0.9 of its size, or if the first 16 bytes
of one of four slices also occur in the 32 KB before it. If no segment gains, the blob is stored
uncompressed, with `cas_raw` in its metadata, as with `raw=True`. Otherwise it becomes one gzip
member, in which some segments are compressed at level 1 and the others are stored; threads compress
them where the blob is larger than 1 MB. One call of zlib reads such a member. The local store
writes a blob's metadata before the blob. Keys, metadata version and dependencies stay.

Reproduce: before, this takes seconds, nearly all in zlib; after, as long as hashing and writing:

    python -c "if 1:
    import os, time
    from metaflow.datastore.content_addressed_store import ContentAddressedStore
    from metaflow.plugins.datastores.local_storage import LocalStorage
    store = ContentAddressedStore('data', LocalStorage(os.path.abspath('store')))
    start = time.time()
    store.save_blobs(iter([os.urandom(50_000_000)]))
    print(time.time() - start)"

Could fail:

- A killed writer leaves an uncompressed blob without metadata, which nobody can read. The local
  store therefore writes the metadata first; S3, Azure and Google Cloud store it with the object.
  Metadata that no blob follows is overwritten by the next writer.
- An old client can't read it: every release since 2.4.9 knows `cas_raw`, and every gzip reader
  reads stored blocks. Blobs of old releases, also of several members, lack the header that marks
  the new ones, and are read by `gzip` as before.
- A damaged trailer states a size of gigabytes: at most 256 MB are reserved; beyond that the buffer
  grows. zlib checks the checksum and the size. It does not complain of bytes after the member, as
  gzip does.
- Threads outlive the save, or harm a fork: the pool is closed before the save goes on.
- No thread can be started, or Python is shutting down: the segments are compressed in this thread.
- Two processes, one with this change and one without, save the same content into one local store at
  the same instant: the blob of one can end with the metadata of the other, and the artifact is
  lost. So can two whose zlibs disagree about a sample, and two with `raw=True` and without could
  before.

To go back: install an older release. It reads everything that the new one writes.

Price: arrays of floats are stored a few percent larger, other content up to a tenth. Samples can
mislead: where compressible parts lie between noise, or few slices repeat. Of random mixtures of up
to four kinds of content, one in twenty-five was more than a quarter larger, one in a hundred more
than half, and none twice as large; content made to fool the samples is stored uncompressed. Short
patterns repeated many times, which gzip compresses quickly, take a little longer to save. The first
blob above 1 MB that compresses imports `concurrent.futures`, a few milliseconds. Releases before
2.4.9 can't read uncompressed blobs.
"""

from optimizations.edits import Claim, SourceTree, Target

CLAIMS = (
    Claim("artifacts.Save.time_save(float64-8MB)", "saving float64 8 MB"),
    Claim("artifacts.Load.time_load(float64-8MB)", "loading float64 8 MB"),
    Claim("instructions.Artifact.track_save(float64-800KB)", "saving float64 800 KB"),
    Claim("instructions.Artifact.track_load(float64-800KB)", "loading float64 800 KB"),
    Claim("artifacts.Save.time_save(text-10MB)", "saving text 10 MB"),
    Claim("artifacts.Save.time_save(columns-20MB)", "saving columns 20 MB"),
    Claim("artifacts.Save.time_save(half-noise-16MB)", "saving 16 MB, half noise, half zeros"),
    Claim("artifacts.Load.time_load(half-noise-16MB)", "loading 16 MB, half noise, half zeros"),
)
TARGET = Target(
    "“double gzip” on every artifact",
    claimed="compress once, tune the level",
    case="artifacts.Save.time_save(float64-8MB)",
    at_least=16,
    finding="Artifacts are compressed once, not twice.",
)

SAVE_BLOBS = "ContentAddressedStore.save_blobs"

CONSTANTS = """
from .exceptions import DataException

# From this size on, blobs are packed in segments, each compressed if it saves space
LARGE = 64 * 1024
SEGMENT = 1024 * 1024
# How far back deflate finds repeats
WINDOW = 32 * 1024
# How such a gzip member begins. GzipFile's have a time in bytes 4 to 7
HEADER = b"\\x1f\\x8b\\x08\\x00\\x00\\x00\\x00\\x00\\x04\\xff"
"""

PACK = r'''
def _pack_segments(blob):
    """Return a gzip member, or None if no segment of the blob is worth compressing."""
    blob = bytes(blob)  # no copy of bytes
    size = len(blob) // max(2, len(blob) // SEGMENT + 1) + 1
    starts = range(0, len(blob), size)
    worth_it = [_is_compressible(blob, start, size) for start in starts]
    if not any(worth_it):
        return None

    def deflate(start, is_worth_it):
        level = 1 if is_worth_it else 0  # stored
        window = blob[max(0, start - WINDOW) : start]
        compressor = zlib.compressobj(level, zlib.DEFLATED, -15, zdict=window)
        segment = memoryview(blob)[start : start + size]
        return compressor.compress(segment) + compressor.flush(zlib.Z_SYNC_FLUSH)

    buf = BytesIO()
    buf.write(HEADER)
    if len(blob) < SEGMENT:  # not worth importing threads
        buf.writelines(map(deflate, starts, worth_it))
    else:
        from concurrent.futures import ThreadPoolExecutor

        try:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                segments = list(pool.map(deflate, starts, worth_it))
        except RuntimeError:  # no thread can be started, as when Python shuts down
            segments = map(deflate, starts, worth_it)
        buf.writelines(segments)
    checksum = zlib.crc32(blob)
    # An empty last block, then the checksum and the size
    buf.write(b"\x03\x00" + struct.pack("<II", checksum, len(blob) & 0xFFFFFFFF))
    return BytesIO(buf.getvalue())  # no copy here or in read()
'''

IS_COMPRESSIBLE = '''
def _is_compressible(blob, start, size):
    """Return whether slices of a segment compress, or repeat within deflate's window."""
    places = range(start, min(start + size, len(blob)), size // 97)
    sample = b"".join(blob[i : i + 128] for i in places)
    return len(zlib.compress(sample, 1)) < 0.9 * len(sample) or any(
        blob.find(blob[i : i + 16], max(0, i - WINDOW), i) >= 0 for i in places[20::20]
    )
'''

UNPACK = """
def _unpack_v1(self, blob):
    is_packed_in_segments = blob.read(len(HEADER)) == HEADER
    blob.seek(0)
    if is_packed_in_segments:
        packed = blob.read()
        # Size modulo 2**32; limited, because a damaged file may state any size
        size = min(struct.unpack("<I", packed[-4:])[0], 2**28)
        return zlib.decompress(packed, 31, size)
    with gzip.GzipFile(fileobj=blob, mode="rb") as f:
        return f.read()
"""

WRITE_BLOB = 'self._atomic_write(full_path, byte_obj.read(), mode="wb")'
WRITE_METADATA = """if metadata:
    # Before the blob: without it, nobody can read a blob that is not compressed
    self._atomic_write(
        "%s_meta" % full_path,
        json.dumps(metadata).encode("utf-8"),
        mode="wb",
    )
"""
# Before 2.19.
OLD_WRITE_BLOB = """with open(full_path, mode="wb") as f:
    f.write(byte_obj.read())
"""
OLD_WRITE_METADATA = """if metadata:
    # Before the blob: without it, nobody can read a blob that is not compressed
    with open("%s_meta" % full_path, mode="w") as f:
        json.dump(metadata, f)
"""


def apply(tree: SourceTree) -> None:
    """Decide for each segment, and write metadata first."""
    store = tree["metaflow/datastore/content_addressed_store.py"]
    store.replace_statement(
        within=SAVE_BLOBS,
        find='meta = {"cas_raw": raw, "cas_version": 1}',
        by="""
        packed = None if raw else self._pack_v1(blob)
        meta = {"cas_raw": packed is None, "cas_version": 1}
        """,
    )
    store.replace_statement(
        within=SAVE_BLOBS,
        find="""
        if raw:
            yield path, (BytesIO(blob), meta)
        else:
            yield path, (self._pack_v1(blob), meta)
        """,
        by="yield path, (BytesIO(blob) if packed is None else packed, meta)",
    )
    store.replace_statement(
        within="ContentAddressedStore._pack_v1",
        find="buf = BytesIO()",
        by="if len(blob) >= LARGE:\n    return _pack_segments(blob)\nbuf = BytesIO()",
    )
    store.replace_body("ContentAddressedStore._unpack_v1", by=UNPACK, was={"a96a507d3ff4"})
    store.add_definition(PACK, before="ContentAddressedStore")
    store.add_definition(IS_COMPRESSIBLE, before="ContentAddressedStore")
    store.replace_statement(within=None, find="from .exceptions import DataException", by=CONSTANTS)
    for name in ("os", "struct", "zlib"):
        store.add_import(f"import {name}")
    write_metadata_first(tree)
    tree.insert("test/unit/test_artifact_compression.py")


def write_metadata_first(tree: SourceTree) -> None:
    """Let the local store write a blob's metadata before the blob."""
    local = tree["metaflow/plugins/datastores/local_storage.py"]
    newer = local.has("LocalStorage._atomic_write")
    blob, metadata = (WRITE_BLOB, WRITE_METADATA) if newer else (OLD_WRITE_BLOB, OLD_WRITE_METADATA)
    for find, by in ((metadata, "pass"), (blob, metadata), ("pass", blob)):
        local.replace_statement(within="LocalStorage.save_bytes", find=find, by=by)
