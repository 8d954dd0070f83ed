"""Load asyncio when a Runner starts a process, not when metaflow is imported.

`import metaflow` loads the Runner and the Deployer. Two modules below them import asyncio at their
top, which loads some thirty modules (ssl, sockets, logging, queues). A flow that runs from a
command line never uses them, and each of its tasks pays for them.

What changes: the two modules of `metaflow/runner` import asyncio inside the functions that use it.

Reproduce: `python -X importtime -c "import metaflow" 2>&1 | grep asyncio` lists asyncio and its
modules before; after, it prints nothing.

Could fail:

- A program that uses asyncio itself, as a notebook does, has loaded it before. It saves nothing,
  and nothing changes for it: the functions find the same module.
- `SubprocessManager` asks asyncio for the running loop when it is made. It imports asyncio then, so
  a signal handler never does it first.
- Code that reads or patches `asyncio` in one of the two modules no longer finds it there. None of
  metaflow's tests does; to patch `asyncio` itself works as before.

Price: the first Runner of a process takes longer, by what the import no longer takes.
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
