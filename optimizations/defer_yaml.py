"""Import the YAML library only when YAML is read or written.

Root cause: IncludeFile, the parsers of configurations, job sets and the YAML card component import
metaflow's copy of PyYAML at their top. So every process loads it and compiles its regular
expressions, though most flows contain no YAML.

What changes: three of these modules import it inside the function that reads or writes YAML. The
import in `includefile.py` goes, because nothing there uses it.

Reproduce: `python -X importtime -c "import metaflow" 2>&1 | grep yaml` lists
`metaflow._vendor.yaml` and its modules before; after, it prints nothing.

Could fail:

- `YAMLViewer` shows an error in place of YAML when anything goes wrong. That would hide a missing
  import, so the test compares what it shows.
- Code that reads `yaml` from one of the four modules no longer finds it there; `from
  metaflow._vendor import yaml` works as before.

Price: the first use of YAML in a process pays for the import instead.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree, Target, guard_import

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)
TARGET = Target(
    "YAML and cards infrastructure",
    claimed="52 ms, saves ~37 ms",
    case="instructions.Command.track_run(import metaflow)",
    at_least=1.08,
    finding="Most of it is the YAML library; `defer_cards` defers the cards.",
)

VIEWER = "metaflow/plugins/cards/card_modules/json_viewer.py"


def apply(tree: SourceTree) -> None:
    """Defer YAML in every module of metaflow that imports it at its top."""
    paths = tree.modules_matching(r"^from metaflow\._vendor import yaml$")
    if not paths:
        raise DoesNotApply("metaflow/: import of yaml at the top level: not found")
    for path in paths:
        tree[path].defer_import("yaml")
    if VIEWER in paths:
        tree.insert("test/unit/test_yaml.py")
    guard_import(tree, "metaflow._vendor.yaml")
