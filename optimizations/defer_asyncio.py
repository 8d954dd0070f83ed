"""Import asyncio only when a Runner starts a process.

`import metaflow` loads the Runner and the Deployer. Root cause: two modules of `metaflow/runner`
import asyncio at their top, and with it some thirty modules (ssl, sockets, logging, queues). A flow
run from the command line never uses them, but each of its tasks pays.

What changes: the two modules import asyncio inside the functions that use it.

Reproduce: `python -X importtime -c "import metaflow" 2>&1 | grep asyncio` lists asyncio and its
modules before; after, it prints nothing.

Could fail:

- A program that uses asyncio itself, as a notebook does, has loaded it before. It saves nothing,
  and nothing changes for it: the functions find the same module.
- A signal handler would import asyncio: `SubprocessManager` imports it before it sets any.
- Code that reads or patches `asyncio` in one of the two modules no longer finds it there. None of
  metaflow's tests does; patching `asyncio` itself works as before.

Price: the first Runner of a process pays for the import instead.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree, Target, guard_import

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
    if "metaflow/runner/utils.py" in paths:
        tree.insert("test/unit/test_subprocess_manager.py")
    guard_import(tree, "asyncio")
