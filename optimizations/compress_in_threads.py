"""Compress a large artifact on several CPUs.

zlib is one thread's work, and takes nearly all of the time of saving what compresses, while other
CPUs often have nothing to do. It does not hold the interpreter's lock.

What changes: what is compressed of a blob is cut into chunks of a megabyte, and up to four threads
compress them, one finding the checksum meanwhile: as many as the CPUs that the process may use, by
its affinity and its container's quota. Each chunk knows the 32 KB before it, so that hardly
anything is lost where two meet; the result is one gzip member, as before. The threads end before
the save goes on. With one CPU, below 2 MB of one kind, and where the system gives no thread, one
does it.

How to measure: `artifacts.Save` of text, columns, half-noise and zeros, wall time.

Risk: a save takes more than one CPU for as long as it compresses. Stored bytes (never keys) differ
between machines of one CPU and of several.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree

CLAIMS = (
    Claim("artifacts.Save.time_save(text-10MB)", "saving text 10 MB"),
    Claim("artifacts.Save.time_save(columns-20MB)", "saving columns 20 MB"),
    Claim("artifacts.Save.time_save(half-noise-16MB)", "saving half noise, half zeros 16 MB"),
    Claim("artifacts.Save.time_save(zeros-64MB)", "saving zeros 64 MB"),
)

COMPRESSION = "metaflow/datastore/blob_compression.py"
PACKING = "return _gzip(blob, levels[0]) if len(parts) == 1 else _mixed(whole, parts, levels)"


# Formatted as in metaflow, whose lines are shorter.
# fmt: off
def _mixed(blob, parts, levels):
    checksum, *packed = results_of(
        [
            partial(_checksum, blob),
            *(
                partial(_deflated, blob, *part, level)
                for part, level in zip(parts, levels)
            ),
        ]
    )
    return _member(packed, checksum, len(blob))


# fmt: on
def apply(tree: SourceTree) -> None:
    """Let threads compress chunks."""
    if COMPRESSION not in tree:
        raise DoesNotApply(f"{COMPRESSION}: not found; artifact_compression adds it")
    module = tree[COMPRESSION]
    module.replace_statement(
        within="pack", find=PACKING, by="parts, levels = in_chunks(parts, levels)\n" + PACKING
    )
    module.replace_body("_mixed", by=_mixed, was={"659d9b99447f"})
    module.add_import("from .several_threads import in_chunks, results_of")
    module.add_import("from functools import partial")
    tree.insert("metaflow/datastore/several_threads.py")
