"""Load requests when a request is made, not when metaflow is imported.

`import metaflow` loads the heartbeat, the service metadata provider and the plugins, and with them
requests and all that it needs in turn (urllib3, charset detection, certificates, cookies). Most
flows on a laptop never make a request, yet each process of a run pays for it: the command that a
person types and one more for each task.

What changes: each module of metaflow that imports requests at its top imports it inside the
functions that make requests, after their early returns. An import that no function needs goes.
`ServiceMetadataProvider._session`, where the release has it, is made when it is first read, once,
under a lock, by the same statements as before; it stays a class attribute that subclasses share.

How to measure: `imports` (wall time) and `instructions` (count of executed instructions) of the
benchmark suite; by hand, `python -X importtime -c "import metaflow"`.

Risk: the first request of a process takes longer by what the import no longer takes. Code that
reads or patches the name `requests` in one of these modules (`service.requests`) no longer finds
it there; patching `requests` itself works as before.
"""

from __future__ import annotations

from optimizations.edits import Claim, DoesNotApply, SourceTree, Target

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)
TARGET = Target(
    "`requests` in metadata providers",
    claimed="128 ms, saves ~108 ms",
    case="instructions.Command.track_run(import metaflow)",
    at_least=1.27,
)

SESSION = "ServiceMetadataProvider._session"


class _MadeAtFirstUse:
    """A class attribute made by a function when it is first read, once for all subclasses."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made = None
        self._lock = threading.Lock()

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner
        self._name = name

    def __get__(self, instance: object, owner: Optional[type] = None) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            # From now on the class holds the made object itself.
            if self._owner.__dict__.get(self._name) is self:
                setattr(self._owner, self._name, self._made)
        return self._made


def apply(tree: SourceTree) -> None:
    """Defer requests in every module of metaflow that imports it at its top."""
    paths = tree.modules_matching(r"^import requests$")
    if not paths:
        raise DoesNotApply("metaflow/: import of requests at the top level: not found")
    for path in paths:
        module = tree[path]
        if module.has(SESSION):
            module.make_attribute_at_first_use(SESSION, decorator=_MadeAtFirstUse.__name__)
            module.add_definition(_MadeAtFirstUse, before="ServiceMetadataProvider")
            module.add_import("from typing import Any, Callable, Optional")
            module.add_import("import threading")
        module.defer_import("requests")
