"""Load the one datastore, environment and metadata provider that a command uses.

Each command of a flow, and so each task of a run, loads every datastore (Azure's, Google's and
Amazon's), every environment (Conda's, PyPI's and uv's) and every metadata provider, only to list
their names as the choices of an option and to pick one of each. The root cause is that the command
line reads the classes of whole lists where a name is all that it needs.

What changes: the choices are the names of the enabled plugins, which are known without loading one,
and `resolve_plugin` loads the chosen plugin by its name. The client finds the datastore of an
artifact in the same way.

Reproduce: `python -X importtime flow.py show 2>&1 | grep -E "azure|gcp|conda|uv_env"` lists their
modules before and none after.

Could fail:
- A plugin whose class carries another name than the one that it is listed by. `get_plugin` refuses
  it, before and after; so the names in the list are those of the classes.
- An extension brings its own plugin under a name of metaflow's. It stands in the same table of
  enabled plugins, where the last one wins, before and after.
- An unknown name: the command line refuses it with the same choices; the client raises the same
  error.

Price: a class that something appended to `metaflow.plugins.DATASTORES`, `ENVIRONMENTS` or
`METADATA_PROVIDERS` at run time, instead of listing it in `DATASTORES_DESC` and the like, is no
longer among the choices. An error in the module of a plugin shows when that plugin is chosen.
"""

from __future__ import annotations

from optimizations.edits import Claim, SourceTree
from optimizations.edits.source_edits import Module

CLAIMS = (
    Claim("instructions.Command.track_run(flow.py step)", "a task of a hello flow"),
    Claim("flows.Run.time_hello", "`flow.py run`, two steps"),
)
NEEDS = ("lazy_plugins",)

CLI = "metaflow/cli.py"
CACHE = "metaflow/client/filecache.py"
TASK = "metaflow/task.py"
# What looks at the datastore of a run to spin a step of it.
SPINNING = {"metaflow/runtime.py": ".", "metaflow/cli_components/step_cmd.py": ".."}
RESOLVE = "from {package}extension_support.plugins import resolve_plugin"
NAMES = {
    f"[{each}.TYPE for {each} in {category.upper()}S]": (
        f'list(resolve_plugins("{category}", path_only=True))'
    )
    for each, category in (("m", "metadata_provider"), ("m", "environment"), ("d", "datastore"))
}
ENVIRONMENT = """\
ctx.obj.environment = [
    e for e in ENVIRONMENTS + [MetaflowEnvironment] if e.TYPE == environment
][0](ctx.obj.flow)
"""
ENVIRONMENT_BY_NAME = """\
environment_cls = resolve_plugin("environment", environment) or MetaflowEnvironment
ctx.obj.environment = environment_cls(ctx.obj.flow)
"""
SPIN_METADATA = """\
metadata = [m for m in METADATA_PROVIDERS if m.TYPE == "spin"][
    0
](self.environment, self.flow, self.event_logger, self.monitor)
"""
SPIN_METADATA_BY_NAME = """\
metadata = resolve_plugin("metadata_provider", "spin")(
    self.environment, self.flow, self.event_logger, self.monitor
)
"""


def _get_datastore_storage_impl(ds_type):
    storage_impl = resolve_plugin("datastore", ds_type)
    if storage_impl is None:
        raise FileCacheException("Datastore %s was not found" % ds_type)
    return storage_impl


def apply(tree: SourceTree) -> None:
    """Choose plugins by their names."""
    choose_by_name(tree[CLI])
    cache = tree[CACHE]
    cache.replace_body(
        "FileCache._get_datastore_storage_impl",
        by=_get_datastore_storage_impl,
        was={"203dba7b778a"},
    )
    cache.add_import(RESOLVE.format(package="metaflow."))
    task = tree[TASK]
    if "METADATA_PROVIDERS" in task.source:
        task.replace_statement(
            within="MetaflowTask.run_step", find=SPIN_METADATA, by=SPIN_METADATA_BY_NAME
        )
        task.defer_import("METADATA_PROVIDERS")
        task.add_import(RESOLVE.format(package="metaflow."))
    for path, package in SPINNING.items():
        if path in tree and "DATASTORES" in tree.text(path):
            module = tree[path]
            choose_datastore(module, "ds_type")
            module.defer_import("DATASTORES")
            module.add_import(RESOLVE.format(package=package))
    tree.insert("test/unit/test_plugins_by_name.py")


def choose_by_name(cli: Module) -> None:
    """List what the options of the command line may choose, and load what they chose."""
    for listed, names in NAMES.items():
        cli.replace_expression(listed, by=names)
    choose_datastore(cli, "datastore")
    choose_metadata(cli, "metadata")
    cli.replace_statement(within="start", find=ENVIRONMENT, by=ENVIRONMENT_BY_NAME)
    if "spin_mode" in cli.source:
        choose_datastore(cli, '"spin"')
        choose_metadata(cli, '"spin"')
    for plugins in ("DATASTORES", "ENVIRONMENTS", "METADATA_PROVIDERS"):
        cli.defer_import(plugins)
    cli.add_import(f"{RESOLVE.format(package='.')}, resolve_plugins")


def choose_datastore(module: Module, name: str) -> None:
    """Load the datastore of that name, an expression."""
    module.replace_expression(
        f"[d for d in DATASTORES if d.TYPE == {name}][0]", by=f'resolve_plugin("datastore", {name})'
    )


def choose_metadata(module: Module, name: str) -> None:
    """Load the metadata provider of that name, an expression."""
    module.replace_expression(
        f"[m for m in METADATA_PROVIDERS if m.TYPE == {name}][0]",
        by=f'resolve_plugin("metadata_provider", {name})',
    )
