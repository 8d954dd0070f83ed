"""Compress large artifacts with ISA-L where the package isal is installed.

zlib takes most of the time of saving and loading large text and tables. ISA-L writes and reads the
same format several times as fast, and the package `isal` gives it zlib's interface. Who saves
gigabytes can install it; nobody else notices.

What changes: in blobs above 1 MB, segments that are worth compressing, the checksum and the
unpacking use `isal.isal_zlib` if it can be imported, else zlib. Level 3 is isal's best, and finds
repeats that its levels 0 to 2 miss. Whether a segment is worth it is still told by zlib, so that
the decision is the same in all environments. Smaller blobs stay with zlib, which needs no import.

Reproduce: save an artifact of 10 MB of text with `pip install isal` and without; the first takes
less than half the time.

Could fail:

- Somebody reads it who lacks isal, or an old release does: both write plain gzip, which every zlib
  reads. isal reads what zlib wrote.
- isal is there and can't be loaded: an ImportError of any cause leaves zlib.
- isal finds less than zlib: only of repeats shorter than four bytes, where it stores more.

To go back: uninstall isal.

Price: stored bytes (never keys) differ between environments with isal and without. Without isal, a
save or load of a blob above 1 MB looks for it in vain: a tenth of a millisecond.
"""

from optimizations.edits import Claim, SourceTree

NEEDS = ("artifact_compression",)
CLAIMS = (
    Claim("artifacts.Save.time_save(text-10MB)", "saving text 10 MB"),
    Claim("artifacts.Load.time_load(text-10MB)", "loading text 10 MB"),
    Claim("artifacts.Save.time_save(columns-20MB)", "saving columns 20 MB"),
    Claim("artifacts.Load.time_load(columns-20MB)", "loading columns 20 MB"),
)

STORE = "metaflow/datastore/content_addressed_store.py"


def _fast_zlib(size):
    """Return isal's zlib, if it is installed and worth importing, and its best level."""
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
    fast_zlib, fast = _fast_zlib(len(blob))
    """,
    "level = 1 if is_worth_it else 0": """
    library, level = (fast_zlib, fast) if is_worth_it else (zlib, 0)  # stored
    """,
    "compressor = zlib.compressobj(level, zlib.DEFLATED, -15, zdict=before)": """
    compressor = library.compressobj(level, zlib.DEFLATED, -15, zdict=before)
    """,
    "checksum = zlib.crc32(blob)": "checksum = fast_zlib.crc32(blob)",
}


def apply(tree: SourceTree) -> None:
    """Choose the library where large blobs are packed and unpacked."""
    store = tree[STORE]
    store.add_definition(_fast_zlib, before="_pack_segments")
    for find, by in CHANGES.items():
        store.replace_statement(within="_pack_segments", find=find, by=by)
    store.replace_statement(
        within="ContentAddressedStore._unpack_v1",
        find="return zlib.decompress(packed, 31, size)",
        by="return _fast_zlib(size)[0].decompress(packed, 31, size)",
    )
    tree.insert("test/unit/test_accelerated_deflate.py")
