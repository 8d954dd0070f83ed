"""Do not make a code package for a local run that cannot use it.

Each run and resume walks through metaflow and the flow's folder, and packs and compresses all of it
in a thread, for the machines that its tasks may run on. Only decorators, mutators and environments
other than the local one use the package. A run without these packs all the same, on the processor
that its first tasks need, and a short run ends before the package is ready. Root cause:
`MetaflowPackage.__init__` starts the thread for every flow.

What changes: the thread that makes the package starts when the package is first asked for, if the
steps and the flow have no decorators and no mutators, the environment is the local one and the
package is not to be uploaded (`FEAT_ALWAYS_UPLOAD_CODE_PACKAGE`). Every other run makes its package
at its start, as before, so that it is a snapshot of the code that the run started with.

Reproduce: `time python flow.py run` of a flow of two steps without decorators: `user` falls by
about a quarter. `real` falls more, the busier the processors are.

Could fail:

- A remote step asks for the package hours later, when the code has changed: only a decorator makes
  a step remote (`--with kubernetes` adds one), and with a decorator the package is made at once.
- Two threads ask at once: a lock lets only one of them start the thread; both wait for it.
- `package list` and the deployers make a package of a flow without decorators. They ask for it
  right away, which starts the thread.

Price: "Package creation/upload failed" is not printed by a run that does not use its package. Code
that reads the package from `system_context` in a run without decorators gets the files as they are
at that time. A run with any decorator gains nothing.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree

CLAIMS = (Claim("flows.Run.time_hello", "`flow.py run`, two steps"),)

PACKAGE = "metaflow/package/__init__.py"
START = "self._create_thread.start()"
STR_METHOD = """\
def __str__(self):
    return f"<code package for {self._name} (created @ {self._create_time})>"
"""
METHODS = """\
def _must_be_made_now(self):
    # In a local run, only decorators and mutators ask for the package later.
    # Without them it is asked for at once or never.
    return bool(
        self._flow is None
        or self._flow_datastore is not None
        or self._environment.TYPE != "local"
        or self._flow._flow_decorators
        or self._flow._flow_mutators
        or any(
            step.decorators or step.wrappers or step.config_decorators
            for step in self._flow
        )
    )

def _wait_for_package(self, timeout):
    with self._start_lock:
        if self._create_thread.ident is None:
            self._create_thread.start()
    self._create_thread.join(timeout)

"""


def apply(tree: SourceTree) -> None:
    """Make the package at the first request, where none can come later in the run."""
    if PACKAGE not in tree or "_create_thread" not in tree.text(PACKAGE):
        raise DoesNotApply(f"{PACKAGE}: MetaflowPackage: makes the package before the run goes on")
    if not tree["metaflow/flowspec.py"].has("FlowSpec._flow_mutators"):
        raise DoesNotApply("metaflow/flowspec.py: FlowSpec._flow_mutators: not found")
    package = tree[PACKAGE]
    package.replace_statement(
        within="MetaflowPackage.__init__",
        find=START,
        by=f"""
        self._start_lock = threading.Lock()
        if self._must_be_made_now():
            {START}
        """,
    )
    package.replace_expression(
        "self._create_thread.join(timeout)", by="self._wait_for_package(timeout)", everywhere=True
    )
    package.replace_statement(within="MetaflowPackage", find=STR_METHOD, by=METHODS + STR_METHOD)
    tree.insert("test/unit/test_package_on_demand.py")
