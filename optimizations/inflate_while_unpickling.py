"""Decompress a large artifact while it is unpickled, right to where it stays.

To load an artifact that is compressed, its file is read, decompressed, and then unpickled: a large
array is in memory twice, beside the file, and to fill memory for the first time takes as long as
decompressing.

What changes: the datastore hands a file to `pickle.load` that decompresses what is read of it. The
checksum is verified as before, at its end, and damage is told by the same error with the name of
the artifact; the reason that follows is zlib's, in its words. Artifacts of less than 512 KB, the
client's (which go into its cache), those of several names, and those of other serializers are read
as before.

How to measure: `artifacts.Load` and `artifacts.Memory` of what compresses, as columns-20MB.

Risk: a pickle's code runs before its checksum is seen to be wrong.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree
from optimizations.unpickle_from_file import LOADING, STORE, TASK

CLAIMS = (
    Claim("artifacts.Load.time_load(half-noise-16MB)", "loading half noise, half zeros 16 MB"),
    Claim("artifacts.Load.time_load(columns-20MB)", "loading columns 20 MB"),
    Claim("artifacts.Load.time_load(zeros-64MB)", "loading zeros 64 MB"),
)

UNPACKING = """
try:
    blob = unpack_code(f)
except Exception as e:
    raise DataException(
        "Could not unpack artifact '%s': %s" % (NAME, e)
    )
"""
INFLATING = """
if (
    key in as_files
    and not self._blob_cache
    and unpack_code
    in (self._unpack_v1, self._unpack_backward_compatible)
):
    from .inflating import inflating

    inflated = inflating(f, NAME, DataException)
    if inflated is not None:
        yield key, inflated
        continue
"""


def _load(file):
    """Unpickle what a file holds, and read it to its end: the checksum is there."""
    try:
        return pickle.load(file)
    finally:
        while file.read(64 * 1024):
            pass


def apply(tree: SourceTree) -> None:
    """Hand out files that decompress, and read them to their end."""
    store, task = tree[STORE], tree[TASK]
    if "as_files" not in store.source:
        raise DoesNotApply(f"{STORE}: as_files: not found; unpickle_from_file adds it")
    tree.insert("metaflow/datastore/inflating.py")
    # Older releases name another variable in the message.
    name = "path_key" if "(path_key, e)" in store.source else "path"
    unpacking, inflating = (text.replace("NAME", name) for text in (UNPACKING, INFLATING))
    store.replace_statement(within=LOADING, find=unpacking, by=inflating + unpacking)
    task.replace_expression("pickle.load(blob)", by="_load(blob)")
    task.add_definition(
        _load, before="_deserialized" if task.has("_deserialized") else "_unpickled"
    )
