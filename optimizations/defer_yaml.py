"""Load the YAML library when YAML is read or written, not when metaflow is imported.

IncludeFile, the parsers of configurations, job sets and the YAML card component import metaflow's
copy of PyYAML at their top, so that every process loads and compiles the patterns of a YAML parser
that most flows never call.

What changes: each of these modules imports it inside the functions that read or write YAML. The
import in `includefile.py` goes, for nothing there uses it.

How to measure: `instructions.Command` and `imports.Import` for `import metaflow`.

Risk: code that reads `yaml` from one of these modules no longer finds it there.
"""

from optimizations.errors import DoesNotApply
from optimizations.source_tree import SourceTree


def apply(tree: SourceTree) -> None:
    """Defer YAML in every module of metaflow that imports it at its top."""
    paths = tree.modules_matching(r"^from metaflow\._vendor import yaml$")
    if not paths:
        raise DoesNotApply("metaflow/: import of yaml at the top level: not found")
    for path in paths:
        tree[path].defer_import("yaml")
