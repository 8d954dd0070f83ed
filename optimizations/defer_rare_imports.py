"""Load what few processes need where they need it.

Each process of metaflow loads its copy of `packaging.version`, whose patterns take long to compile,
though versions are compared only where a metadata service or a production orchestrator is talked
to; pools of processes, for stores in Azure and Google's cloud; `uuid`, with `platform` below it,
for names that only some functions make up; and `hashlib`, with OpenSSL below it, for files.

What changes: `metaflow.util.version_parse` is found when it is first asked for; the modules that
import pools, `uuid`, `platform` or, for files, `sha1` at their top import them inside the functions
that use them.

How to measure: `instructions.Command` for `import metaflow`.

Risk: code that reads or patches `uuid`, say, in one of these modules no longer finds it there;
`from metaflow.util import *` leaves `version_parse` out.
"""

import re

from optimizations.edits import Claim, SourceTree

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)

UTILITIES = "metaflow/util.py"
API = "metaflow/runner/click_api.py"
HASHING = ("metaflow/includefile.py", "metaflow/client/filecache.py")


def apply(tree: SourceTree) -> None:
    """Defer the parser of versions, pools of processes, uuid, platform and hashlib."""
    for path in tree.modules_matching(r"^from metaflow\.util import .*version_parse"):
        tree[path].defer_import("version_parse")
    tree[UTILITIES].defer_value("version_parse")
    executors = tree["metaflow/plugins/storage_executor.py"]
    for name in ("ProcessPoolExecutor", "ThreadPoolExecutor"):
        executors.defer_import(name)
    for name in ("uuid", "platform"):
        for path in tree.modules_matching(rf"^import {name}$"):
            # Annotations of some releases need it while the module loads. The bootstraps are
            # programs of their own, of which metaflow's tests patch the platform.
            annotated = path == API and re.search(rf": {name}\.", tree.text(path))
            if not annotated and not path.endswith("/bootstrap.py"):
                tree[path].defer_import(name)
    for path in HASHING:
        tree[path].defer_import("sha1")
