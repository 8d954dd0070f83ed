"""Compress artifacts above 1 MB with ISA-L where isal is installed.

zlib takes most of the time of saving and loading large text and tables. ISA-L writes and reads the
same format several times as fast, and the package `isal` gives it zlib's interface. Root cause:
`_pack_segments` and `_unpack_v1` know only zlib. Users who save gigabytes can install it.

What changes: in blobs above 1 MB, segments that are worth compressing, the checksum and the
unpacking use `isal.isal_zlib` if it can be imported, else zlib. Level 3 is isal's best, and finds
repeats that its levels 0 to 2 miss. zlib still decides whether a segment is worth compressing, so
the decision is the same in all environments. Smaller blobs stay with zlib, which needs no import.

Reproduce: save an artifact of 10 MB of text. With isal installed it takes less than half the time.

Could fail:

- A reader lacks isal, or is old: isal writes plain gzip, which every zlib reads, and reads zlib's.
- isal is installed but can't be loaded: on any ImportError, zlib is used.
- isal compresses less than zlib: only where repeats are shorter than four bytes.

To go back: uninstall isal.

Price: stored bytes (never keys) differ between environments with isal and without. Without isal,
each save or load of a blob above 1 MB spends a tenth of a millisecond looking for it. With isal,
saving tables takes more memory than in the release: the segments at work have larger buffers.
"""

from optimizations.edits import Claim, SourceTree

NEEDS = ("artifact_compression",)
CLAIMS = (
    Claim("artifacts.Save.time_save(text-10MB)", "saving text 10 MB"),
    Claim("artifacts.Load.time_load(text-10MB)", "loading text 10 MB"),
    Claim("artifacts.Save.time_save(columns-20MB)", "saving columns 20 MB"),
    Claim("artifacts.Load.time_load(columns-20MB)", "loading columns 20 MB"),
)


def _fast_zlib(size):
    """Return the module to compress `size` bytes with, isal's or zlib, and its level."""
    try:
        if size >= SEGMENT:
            from isal import isal_zlib

            return isal_zlib, 3
    except ImportError:
        pass
    return zlib, 1


# In `_pack_segments`.
CHANGES = {
    """
    if not any(worth_it):
        return None
    """: """
    if not any(worth_it):
        return None
    fast_zlib, fast_level = _fast_zlib(len(blob))
    """,
    "level = 1 if is_worth_it else 0": """
    library, level = (fast_zlib, fast_level) if is_worth_it else (zlib, 0)  # stored
    """,
    "compressor = zlib.compressobj(level, zlib.DEFLATED, -15, zdict=window)": """
    compressor = library.compressobj(level, zlib.DEFLATED, -15, zdict=window)
    """,
    "checksum = zlib.crc32(blob)": "checksum = fast_zlib.crc32(blob)",
}


def apply(tree: SourceTree) -> None:
    """Use isal where blobs above 1 MB are packed and unpacked."""
    store = tree["metaflow/datastore/content_addressed_store.py"]
    store.add_definition(_fast_zlib, before="_pack_segments")
    for find, by in CHANGES.items():
        store.replace_statement(within="_pack_segments", find=find, by=by)
    store.replace_statement(
        within="ContentAddressedStore._unpack_v1",
        find="return zlib.decompress(packed, 31, size)",
        by="return _fast_zlib(size)[0].decompress(packed, 31, size)",
    )
    tree.insert("test/unit/test_accelerated_deflate.py")
