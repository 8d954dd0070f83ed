"""Make the code package of a local run when it is asked for: nothing ever does.

Each run walks through metaflow and the flow's folder, and packs and compresses all of it in a
thread beside the run, for the machines that its tasks may run on. A run whose tasks all run on this
machine never looks at the package; a short one is slowed down by it, and ends before it is ready.

What changes: the package of a run or resume is made as before where a decorator, a mutator, an
environment or a setting may use it, that is for each of them that is not metaflow's own or does
anything with a package. Otherwise it begins to be made when anything of it is first asked for.

How to measure: `flows.Run` and `flows.Resume`, wall time; `flows.Foreach` gains the same once.

Risk: "Package creation/upload failed" is no longer printed by a run that does not need its package.
Code that keeps a reference to it and asks late (through `system_context`, in a process without any
decorator of its own) gets the files as they are then.
"""

from optimizations.edits import Claim, DoesNotApply, SourceTree

CLAIMS = (Claim("flows.Run.time_hello", "`flow.py run`, two steps"),)

PACKAGE = "metaflow/package/__init__.py"
FLOW = "metaflow/flowspec.py"
RUNS = "metaflow/cli_components/run_cmds.py"
MADE = """\
obj.package = {maker}(
    obj.flow,
    obj.environment,
    obj.echo,
    suffixes=obj.package_suffixes,
    flow_datastore=obj.flow_datastore if FEAT_ALWAYS_UPLOAD_CODE_PACKAGE else None,
)
"""
IN_CONTEXT = "system_context._update(package=self)"


def apply(tree: SourceTree) -> None:
    """Let runs and resumes ask for a package that is made at first use."""
    if PACKAGE not in tree or "_create_thread" not in tree.text(PACKAGE):
        raise DoesNotApply(f"{PACKAGE}: MetaflowPackage: makes the package before the run goes on")
    if not tree[FLOW].has("FlowSpec._flow_mutators"):
        raise DoesNotApply(f"{FLOW}: FlowSpec._flow_mutators: not found")
    runs = tree[RUNS]
    known = IN_CONTEXT in tree.text(PACKAGE)
    runs.replace_statement(
        within="before_run",
        find=MADE.format(maker="MetaflowPackage"),
        by=MADE.format(maker="code_package")
        + ("system_context._update(package=obj.package)\n" if known else ""),
    )
    runs.replace_statement(
        within=None,
        find="from ..package import MetaflowPackage",
        by="from ..package.at_first_use import code_package",
    )
    if known:
        runs.add_import("from ..system_context import system_context")
    tree.insert("metaflow/package/at_first_use.py")
