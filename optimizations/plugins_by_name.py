"""Load only the datastore, environment and metadata provider in use.

Each command of a flow, and so each task of a run, loads every datastore (Azure's, Google's and
Amazon's), every environment (Conda's, PyPI's and uv's) and every metadata provider, only to list
their names as the choices of an option and to pick one of each. Root cause: the command line reads
whole lists of classes where it needs only names.

What changes: the choices are the names of the enabled plugins, which are known without loading one,
and `resolve_plugin` loads the chosen plugin by its name. The client does so for datastores, too.

Reproduce: `python -X importtime flow.py show 2>&1 | grep -E "azure|gcp|conda|uv_env"` lists their
modules before and none after.

Could fail:

- A plugin's class has another name than the list gives it: `get_plugin` refuses it, before and
  after, so the names in the list are those of the classes.
- An extension brings its own plugin under a name of metaflow's. It is in the same table of enabled
  plugins, where the last one wins, before and after.
- An unknown name: the command line refuses it, listing the same; the client raises the same error.

Price: a class that something appended to `metaflow.plugins.DATASTORES`, `ENVIRONMENTS` or
`METADATA_PROVIDERS` at run time, instead of listing it in `DATASTORES_DESC` and the like, is no
longer among the choices. These lists are no longer names in metaflow.cli, metaflow.runtime and
metaflow.task. An error in the module of a plugin shows when that plugin is chosen.
"""

from optimizations.edits import Claim, SourceTree
from optimizations.edits.source_edits import Module

CLAIMS = (
    Claim("instructions.Command.track_run(flow.py step)", "a task of a hello flow"),
    Claim("flows.Run.time_hello", "`flow.py run`, two steps"),
)
NEEDS = ("lazy_plugins",)

# Modules that load the datastore of the run whose step is spun.
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
    choose_by_name(tree["metaflow/cli.py"])
    cache = tree["metaflow/client/filecache.py"]
    cache.replace_body(
        "FileCache._get_datastore_storage_impl",
        by=_get_datastore_storage_impl,
        was={"203dba7b778a"},
    )
    cache.add_import(RESOLVE.format(package="metaflow."))
    task = tree["metaflow/task.py"]
    if "METADATA_PROVIDERS" in task.source:
        task.replace_statement(
            within="MetaflowTask.run_step", find=SPIN_METADATA, by=SPIN_METADATA_BY_NAME
        )
        task.defer_import("METADATA_PROVIDERS")
        task.add_import(RESOLVE.format(package="metaflow."))
    for path, package in SPINNING.items():
        if path in tree and "DATASTORES" in tree.text(path):
            module = tree[path]
            choose(module, "datastore", "ds_type")
            module.defer_import("DATASTORES")
            module.add_import(RESOLVE.format(package=package))
    tree.insert("test/unit/test_plugins_by_name.py")


def choose_by_name(cli: Module) -> None:
    """List what the options of the command line may choose, and load what they chose."""
    for listed, names in NAMES.items():
        cli.replace_expression(listed, by=names)
    choose(cli, "datastore", "datastore")
    choose(cli, "metadata_provider", "metadata")
    cli.replace_statement(within="start", find=ENVIRONMENT, by=ENVIRONMENT_BY_NAME)
    if "spin_mode" in cli.source:
        choose(cli, "datastore", '"spin"')
        choose(cli, "metadata_provider", '"spin"')
    for plugins in ("DATASTORES", "ENVIRONMENTS", "METADATA_PROVIDERS"):
        cli.defer_import(plugins)
    cli.add_import(f"{RESOLVE.format(package='.')}, resolve_plugins")


def choose(module: Module, category: str, name: str) -> None:
    """Load one plugin of a category; `name` is an expression for its name."""
    each, plugins = category[0], f"{category.upper()}S"
    module.replace_expression(
        f"[{each} for {each} in {plugins} if {each}.TYPE == {name}][0]",
        by=f'resolve_plugin("{category}", {name})',
    )
