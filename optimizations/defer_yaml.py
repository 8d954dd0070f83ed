"""Load the YAML library when YAML is read or written, not when metaflow is imported.

IncludeFile, the parsers of configurations, job sets and the YAML card component import metaflow's
copy of PyYAML at their top, so that every process loads and compiles the patterns of a YAML parser
that most flows never call.

What changes: each of these modules imports it inside the functions that read or write YAML. The
import in `includefile.py` goes, for nothing there uses it.

How to measure: `instructions.Command` and `imports.Import` for `import metaflow`.

Risk: code that reads `yaml` from one of these modules no longer finds it there.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree, Target

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)
TARGET = Target(
    "YAML and cards infrastructure",
    claimed="52 ms, saves ~37 ms",
    case="instructions.Command.track_run(import metaflow)",
    at_least=1.08,
    finding="Most of it is the YAML library; `defer_cards` loads the cards late.",
)


def apply(tree: SourceTree) -> None:
    """Defer YAML in every module of metaflow that imports it at its top."""
    paths = tree.modules_matching(r"^from metaflow\._vendor import yaml$")
    if not paths:
        raise DoesNotApply("metaflow/: import of yaml at the top level: not found")
    for path in paths:
        tree[path].defer_import("yaml")
