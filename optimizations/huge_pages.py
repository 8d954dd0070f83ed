"""Ask the system for huge pages where a large artifact is unpickled to.

To load a large array that is stored as it is takes as long as it takes the system to give memory
out, in pages of 4 KB, one at a time, at the first touch of each.

What changes: before bytes from 4 MB on are read to where they stay, the system is advised to give
huge pages (of 2 MB) for them, as numpy advises it for its own arrays. A huge page begins at a
multiple of its size, and what is partly in small pages stays there: so that none is lost by chance,
the bytes are given such a place, by taking up the addresses above it until they are there. Where
the system has no huge pages, and where `ctypes` was not loaded (numpy loads it), nothing changes;
nor does it for less than 4 MB.

How to measure: `artifacts.Load` of float64-8MB, embeddings-8MB and half-noise-16MB, wall time.

Risk: after a fork, a process that writes to such memory copies more of it at a time. For a moment,
addresses (no memory) for twice the bytes are taken, about as many as the release takes. Where
malloc is not glibc's, or the kernel places large memory in another way, chance decides as before.
"""

from optimizations.errors import DoesNotApply
from optimizations.new_modules import source_of
from optimizations.source_tree import SourceTree
from optimizations.unpickle_from_file import TASK


def apply(tree: SourceTree) -> None:
    """Read files of artifacts through one that advises."""
    task = tree[TASK]
    if not task.has("_load"):
        raise DoesNotApply(f"{TASK}: _load: not found; inflate_while_unpickling adds it")
    task.replace_expression("pickle.load(file)", by="pickle.load(advised(file))")
    task.add_import("from .advised_memory import advised")
    task.defer_import("advised")
    tree.add_module("metaflow/datastore/advised_memory.py", source_of("advised_memory"))
