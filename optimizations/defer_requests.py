"""Import requests only when a request is made.

Root cause: the service metadata provider, the heartbeat and the spot monitor, which `import
metaflow` loads, import requests at their top, and with it urllib3, charset detection, certificates
and cookies. A run with local metadata never makes a request. Yet each of its processes pays: the
command that a person types, and one more per task. The provider even makes a session at import.

What changes: these three modules import requests inside the functions that make requests.
`ServiceMetadataProvider._session` is made when it is first read, by the same statements as before,
and then replaces the object that made it.

Reproduce: `python -X importtime -c "import metaflow" 2>&1 | grep requests` lists requests and its
modules before; after, it prints nothing.

Could fail:

- Code that reads `_session`, as extensions that replace `_request` do, gets the session as before:
  reading it makes it. A subclass or a test that sets `_session` wins as before.
- Two threads may read `_session` at the same time, and each make a session. The second stays; the
  first serves only the request that it was made for. Neither request fails.
- requests is not installed: it fails at the first request, not at the import. metaflow depends on
  requests, so this is a broken installation.
- A test may patch `requests` in one of the three modules. It is no longer there. None of metaflow's
  tests does that; patching `requests` itself works as before.

Price: the first request of a process pays for the import instead.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree, Target, guard_import
from optimizations.edits.source_edits import Module

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)
TARGET = Target(
    "`requests` in metadata providers",
    claimed="128 ms, saves ~108 ms",
    case="instructions.Command.track_run(import metaflow)",
    at_least=1.27,
)

PROVIDER = "ServiceMetadataProvider"


class _SessionAtFirstUse:
    # Stands for the session until it is first read: importing requests takes long,
    # and most processes never make a request
    def __get__(self, instance, owner):
        import requests

        session = requests.Session()
        session.mount(
            "http://",
            requests.adapters.HTTPAdapter(
                pool_connections=20,
                pool_maxsize=20,
                max_retries=0,  # Handle retries explicitly
                pool_block=False,
            ),
        )
        session.mount(
            "https://",
            requests.adapters.HTTPAdapter(
                pool_connections=20, pool_maxsize=20, max_retries=0, pool_block=False
            ),
        )
        ServiceMetadataProvider._session = session
        return session


def make_session_at_first_use(module: Module) -> None:
    """Replace the session by an object that makes it when it is first read."""
    for scheme, comma in (("http", ","), ("https", "")):
        adapter = "pool_connections=20, pool_maxsize=20, max_retries=0, pool_block=False" + comma
        mount = f'_session.mount("{scheme}://", requests.adapters.HTTPAdapter({adapter}),)'
        module.replace_statement(within=PROVIDER, find=mount, by="")
    module.replace_statement(
        within=PROVIDER, find="_session = requests.Session()", by="_session = _SessionAtFirstUse()"
    )
    module.add_definition(_SessionAtFirstUse, before=PROVIDER)


def apply(tree: SourceTree) -> None:
    """Defer requests in every module of metaflow that imports it at its top."""
    paths = tree.modules_matching(r"^import requests$")
    if not paths:
        raise DoesNotApply("metaflow/: import of requests at the top level: not found")
    for path in paths:
        module = tree[path]
        if module.has(f"{PROVIDER}._session"):
            make_session_at_first_use(module)
            tree.insert("test/unit/test_service_session.py")
        module.defer_import("requests")
    guard_import(tree, "requests")
