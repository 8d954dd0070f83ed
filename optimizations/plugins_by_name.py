"""Load the one datastore, environment and metadata provider that a command uses.

Each command of a flow, and so each task of a run, loads every datastore (Azure's, Google's and
Amazon's), every environment (Conda's, PyPI's and uv's) and every metadata provider, to list their
names as choices of an option and to pick one of each. What these stand on (pools of processes,
sockets, logging, the vendored `packaging`) is a tenth of all that a task executes.

What changes: the choices are the names of the enabled plugins, which are known without loading
one, and the chosen plugin is loaded by its name. The client finds the datastore of an artifact in
the same way. A list that somebody has looked at or added to is searched as before.

How to measure: `flows.Run` and `flows.Foreach` by wall time; `instructions.Command` for
`flow.py show`.

Risk: an error in the module of a datastore, an environment or a metadata provider shows when it is
chosen, not when another one is. The classes of the unused ones are not subclasses of anything yet,
for code that goes through `__subclasses__`.
"""

from __future__ import annotations

from optimizations.edits import Claim, DoesNotApply, SourceTree

CLAIMS = (
    Claim("instructions.Command.track_run(flow.py step)", "a task of a hello flow"),
    Claim("flows.Run.time_hello", "`flow.py run`, two steps"),
)

SUPPORT = "metaflow/extension_support/plugins.py"
CLI = "metaflow/cli.py"
FILE_CACHE = "metaflow/client/filecache.py"
FUNCTIONS = "from metaflow.extension_support.plugins import plugin_names, plugins_named"
# The local environment is no plugin; one of an extension comes before it, as ever.
CHOSEN_ENVIRONMENT = """[
        *plugins_named("environment", ENVIRONMENTS, environment),
        MetaflowEnvironment,
    ]"""


def plugins_named(category: str, plugins: Any, name: str) -> Any:
    """Return those in a list of `lazy_plugins` that carry a name; loads no others."""
    if getattr(plugins, "_make", None) is None:
        return [plugin for plugin in plugins if get_plugin_name(category, plugin) == name]
    class_paths = resolve_plugins(category, path_only=True)
    return [get_plugin(category, class_paths[name], name)] if name in class_paths else []


def apply(tree: SourceTree) -> None:
    """Choose plugins by their names."""
    if "def plugin_names(" not in tree.text(SUPPORT):
        raise DoesNotApply(f"{SUPPORT}: plugin_names: not found; lazy_plugins adds it")
    tree[SUPPORT].add_definition(plugins_named, before="get_plugin_name")
    choose_by_name(tree)
    cache = tree[FILE_CACHE]
    cache.replace_expression(
        "[d for d in DATASTORES if d.TYPE == ds_type]",
        by='plugins_named("datastore", DATASTORES, ds_type)',
    )
    cache.add_import("from metaflow.extension_support.plugins import plugins_named")


def choose_by_name(tree: SourceTree) -> None:
    """List what the command line's options may choose, and find what they chose."""
    cli = tree[CLI]
    for plugins, category, option in (
        ("METADATA_PROVIDERS", "metadata_provider", "metadata"),
        ("DATASTORES", "datastore", "datastore"),
    ):
        # metaflow calls each by the first letter.
        each = plugins[0].lower()
        cli.replace_expression(
            f"[{each}.TYPE for {each} in {plugins}]",
            by=f'list(plugin_names("{category}", {plugins}))',
        )
        cli.replace_expression(
            f"[{each} for {each} in {plugins} if {each}.TYPE == {option}]",
            by=f'plugins_named("{category}", {plugins}, {option})',
        )
    cli.replace_expression(
        "[m.TYPE for m in ENVIRONMENTS]", by='list(plugin_names("environment", ENVIRONMENTS))'
    )
    cli.replace_expression(
        "[e for e in ENVIRONMENTS + [MetaflowEnvironment] if e.TYPE == environment]",
        by=CHOSEN_ENVIRONMENT,
    )
    cli.add_import(FUNCTIONS)
