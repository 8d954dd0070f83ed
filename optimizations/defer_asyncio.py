"""Load asyncio when a Runner starts a process, not when metaflow is imported.

`import metaflow` loads the Runner and the Deployer, whose processes asyncio drives, and asyncio
loads some thirty modules (ssl, sockets, logging, queues). Flows that run from a command line never
use them, and each task of each flow pays for them.

What changes: the modules of `metaflow/runner` import asyncio inside the functions that use it.

How to measure: `instructions.Command` and `imports.Import` for `import metaflow`; by hand,
`python -X importtime -c "import metaflow"`.

Risk: code that reads `asyncio` from one of these modules no longer finds it there. A program that
uses asyncio itself, as a notebook does, has loaded it before and saves nothing.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree, Target

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)
TARGET = Target(
    "asyncio in `subprocess_manager`",
    claimed="91 ms, saves ~41 ms",
    case="instructions.Command.track_run(import metaflow)",
    at_least=1.09,
)


def apply(tree: SourceTree) -> None:
    """Defer asyncio in every module of metaflow that imports it at its top."""
    paths = tree.modules_matching(r"^import asyncio$")
    if not paths:
        raise DoesNotApply("metaflow/: import of asyncio at the top level: not found")
    for path in paths:
        tree[path].defer_import("asyncio")
