"""Ask the system for huge pages where a large artifact is unpickled to.

To load a large array that is stored as it is takes as long as it takes the system to give memory
out, in pages of 4 KB, one at a time, at the first touch of each.

What changes: before bytes from 4 MB on are read to where they stay, the system is advised to give
huge pages (of 2 MB) for them, as numpy advises it for its own arrays. A huge page begins at a
multiple of its size, and none is made of what is partly in use already: so that one array, which is
nearly all of a file, does not lose one or two by chance, addresses above it are taken up until it
has its place. Where the system has no huge pages, and where `ctypes` was not loaded (numpy loads
it), nothing changes; nor does it for less than 4 MB.

How to measure: `artifacts.Load` of float64-8MB, embeddings-8MB, random-5MB and half-noise-16MB,
wall time.

Risk: after a fork, a process that writes to such memory copies more of it at a time. Addresses (no
memory) for twice the bytes are taken until these are read, or all of a file is that has none as
large: about as many as the release takes. Chance decides as before where malloc has memory left
from before (of up to 32 MB), or is not glibc's, and where the kernel places large memory in another
way. A Python that reads large bytes in several parts is advised of less, or of none.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree
from optimizations.unpickle_from_file import TASK

CLAIMS = (
    Claim("artifacts.Load.time_load(float64-8MB)", "loading float64 8 MB"),
    Claim("artifacts.Load.time_load(half-noise-16MB)", "loading half noise, half zeros 16 MB"),
    Claim("artifacts.Load.time_load(zeros-64MB)", "loading zeros 64 MB"),
)


def apply(tree: SourceTree) -> None:
    """Read files of artifacts through one that advises."""
    task = tree[TASK]
    if not task.has("_load"):
        raise DoesNotApply(f"{TASK}: _load: not found; inflate_while_unpickling adds it")
    task.replace_expression("pickle.load(file)", by="pickle.load(advised(file))")
    task.add_import("from .advised_memory import advised")
    task.defer_import("advised")
    tree.insert("metaflow/datastore/advised_memory.py")
