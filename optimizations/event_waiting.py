"""Wait for parallel_map's children instead of polling for them.

`parallel_imap_unordered` asks its children every 100 ms whether one has ended, so that a single
trivial task takes 100 ms, and a long list of short ones spends most of its time asleep. metaflow
itself uses it to hash, upload and download.

What changes: each child holds one end of a pipe that the system closes when the child ends, and
the parent sleeps until one closes (`selectors`, in the standard library). Signature, results, their
temporary files, errors and the laziness of the generator stay. Only its own children are waited
for. Where a pipe can't tell (a process started by the child still holds it, or descriptors are
short) the old question every 100 ms does.

How to measure: `multicore` of the benchmark suite, wall time; instruction counts don't see waiting.

Risk: one descriptor a running child, at most half of those the process may have, while the
generator runs; they are closed when it ends, fails, or is abandoned.
"""

from optimizations import waiting
from optimizations.source_tree import SourceTree


def apply(tree: SourceTree) -> None:
    """Replace how `parallel_imap_unordered` waits."""
    module = tree["metaflow/multicore_utils.py"]
    name = "parallel_imap_unordered"
    module.replace_body(name, by=waiting.parallel_imap_unordered, was={"ae866ce47e13"})
    module.add_definition(waiting._Children, before=name)
    module.add_import("from typing import Any, Callable, Dict, List, Set, Tuple")
    module.add_import("import selectors")
    module.add_import("import resource")
