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

from optimizations.errors import DoesNotApply
from optimizations.first_use import _MadeAtFirstUse
from optimizations.source_tree import SourceTree

SESSION = "ServiceMetadataProvider._session"


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
