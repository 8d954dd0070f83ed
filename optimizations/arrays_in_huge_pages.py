"""Copy a large array into huge pages while it is pickled, not into small ones.

To save a large array, pickle copies it: to bytes, in memory that is touched for the first time, in
pages of 4 KB. Where nothing is compressed any more, this is a good part of saving it.

What changes: the copy of an array of numpy from 4 MB on is made by us, into memory for which the
system is asked for huge pages (of 2 MB), as loading asks, and which begins where one can. What is
written is the same to the byte, so keys are. Arrays of objects, those that are not contiguous,
other classes and all else are pickled as before, and everything is where numpy is not loaded.

How to measure: `artifacts.Save` of float64-8MB, embeddings-8MB and half-noise-16MB, wall time.

Risk: a copy takes up to 2 MB more memory than before. Up to 32 MB malloc may have memory left from
before, which takes less time to use again than a huge page to get. Where numpy is loaded, objects
that are not of Python's own types are looked up in one table more, and each small array costs a
call, which is little beside compressing and writing it (`artifacts.SaveOther` of many-arrays-1MB).
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree

CLAIMS = (
    Claim("artifacts.Save.time_save(float64-8MB)", "saving float64 8 MB"),
    Claim("artifacts.Save.time_save(embeddings-8MB)", "saving float32 embeddings 8 MB"),
    Claim("artifacts.Save.time_save(half-noise-16MB)", "saving half noise, half zeros 16 MB"),
)

PIECES = "metaflow/datastore/pieces.py"
ADVISED = "metaflow/datastore/advised_memory.py"


def _dump(obj, pieces, protocol):
    """Append what pickle writes of an object."""
    if "numpy" in sys.modules:
        from . import array_copies

        array_copies.dump(obj, pieces, protocol)
    else:
        pickle.Pickler(pieces, protocol).dump(obj)


def apply(tree: SourceTree) -> None:
    """Let the copies of arrays be ours."""
    for path, name in ((PIECES, "pickle_in_pieces"), (ADVISED, "huge_pages")):
        if path not in tree:
            raise DoesNotApply(f"{path}: not found; {name} adds it")
    pieces = tree[PIECES]
    pieces.replace_expression(
        "pickle.Pickler(pieces, protocol).dump(obj)", by="_dump(obj, pieces, protocol)"
    )
    pieces.add_definition(_dump, before="pickled")
    tree.insert("metaflow/datastore/array_copies.py")
