"""Load a plugin when it is first used, not at import.

`import metaflow` loads every decorator, environment, datastore, metadata provider, sidecar and
cloud client, whatever the flow uses. That is most of the import's time, and each task pays for it
again. Root cause: metaflow/plugins/__init__.py calls `resolve_plugins` for each category while it
is imported, and each decorator in metaflow's namespace is made from its class.

What changes: a list or dict of plugins (`metaflow.plugins.DATASTORES`, ...) is made at its first
use, by a module-level `__getattr__` (PEP 562), and then kept in the module. `metaflow.retry` and
the other decorators are made from their classes in the same way, and are the same objects as
before: `partial(_base_step_decorator, RetryDecorator)`. `dir`, `from metaflow import *` and the
stubs name all of them. Import still determines which plugins are enabled, and refuses unknown ones.
Modules loaded by `import metaflow` import a list inside the functions that use it.

Reproduce: `python -c "import metaflow, sys; print(sum(m.startswith('metaflow.plugins') for m in
sys.modules))"` counts the loaded plugin modules: about a fifth with this change.

Could fail:

- Two threads ask for a list or a decorator at once. Both may make it; `setdefault` keeps one.
- A setting or an extension enables an unknown plugin: `import metaflow` raises the same ValueError.
- Code appends to, assigns or patches a list. It is then in the module; `__getattr__` is not asked.
- An extension's top-level module reads a list or a decorator while metaflow is imported.
  `__getattr__` is defined before the first of these is loaded.
- `add_decorator(retry)` and the stub generator read the class in the partial's `args`. It is there.

Price: an error in a plugin's own module shows when the plugin is first used, not at import.
`vars(metaflow)` has a decorator only after its first use. `from metaflow import *` loads every
decorator, as before, and so gains less. Submodules of `metaflow.plugins` are attributes of it only
after an import of them, as usual in Python; so are `metaflow.sidecar`, `metaflow.monitor` and
`metaflow.event_logger`. `from metaflow.plugins import *` brings only the lists already used.
`ENVIRONMENTS`, `METADATA_PROVIDERS`, `DATASTORES` and `DATACLIENTS` are no longer names in
metaflow.client.core, metaflow.client.filecache and metaflow.includefile.
"""

import ast
import re

from optimizations.edits import Claim, DoesNotApply, SourceTree, guard_import

CLAIMS = (
    Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),
    Claim("instructions.Command.track_run(flow.py step)", "a task of a hello flow"),
)
NEEDS = ("defer_cards",)

PLUGINS = "metaflow/plugins/__init__.py"
SUPPORT = "metaflow/extension_support/plugins.py"
INCLUDED = "metaflow/includefile.py"
# Not TL_PLUGINS: metaflow reads it while it is imported.
RESOLVED = re.compile(r'^ *((?!TL_PLUGINS)\w+) = resolve_plugins\("(\w+)"\)$', re.MULTILINE)
SINCE_3_7 = re.compile(r"^if sys\.version_info >= \(3, 7\):\n    DEPLOYER_IMPL.*$", re.MULTILINE)
LISTS = """
# Each of these is made, and its plugins are loaded, when it is first used (PEP 562).
_PLUGIN_LISTS = {{
{lists}}}
for _category in _PLUGIN_LISTS.values():
    # Complain now about plugins that are enabled but not available.
    resolve_plugins(_category, path_only=True)
"""
CARDS = """\
if name == "CARDS":
    return globals().setdefault(name, _load_cards())
"""
PLUGIN_LIST_BRANCH = """\
if name in _PLUGIN_LISTS:
    plugins = resolve_plugins(_PLUGIN_LISTS[name])
    if name == "SIDECARS":
        plugins.update(resolve_plugins("logging_sidecar"))
        plugins.update(resolve_plugins("monitor_sidecar"))
    return globals().setdefault(name, plugins)
"""
IMPORT_ALL = "_import_plugin_decorators"
CARDS_OF_METAFLOW = """\
if name == "cards":
    import importlib

    return importlib.import_module("metaflow.cards")
"""
DECORATOR_BRANCH = """\
if name in _LAZY_NAMES:
    return globals().setdefault(name, _import_plugin_decorator(name))
"""
DATACLIENT = """
def _get_dataclient(ds_type):
    from .plugins import DATACLIENTS

    return {d.TYPE: d for d in DATACLIENTS}.get(ds_type)
"""
RESOLVE_PLUGIN = """\
def resolve_plugin(category, name):
    # Load only the plugin 'name' of 'category'; return None if it is not available
    class_path = resolve_plugins(category, path_only=True).get(name)
    return get_plugin(category, class_path, name) if class_path else None
"""
DECORATOR_NAMES = """\
def _plugin_decorator_names():
    return [
        name
        for category in ("step_decorator", "flow_decorator")
        for name in resolve_plugins(category, path_only=True)
    ]
"""
IMPORT_DECORATOR = '''\
def _import_plugin_decorator(name):
    """
    Auto-generate the decorator function for the decorator called 'name' in
    plugins.STEP_DECORATORS or plugins.FLOW_DECORATORS.
    """
    # Q: Why not use StepDecorators directly as decorators?
    # A: Getting an object behave as a decorator that can work
    #    both with and without arguments is surprisingly hard.
    #    It is easier to make plain function decorators work in
    #    the dual mode - see _base_step_decorator above.
    decotype = resolve_plugin("flow_decorator", name)
    if decotype is not None:
        return partial(_base_flow_decorator, decotype)
    return partial(_base_step_decorator, resolve_plugin("step_decorator", name))
'''


def apply(tree: SourceTree) -> None:
    """Make the lists of plugins and load the decorators' classes at first use."""
    if "path_only" not in tree.text(SUPPORT):
        raise DoesNotApply(f"{SUPPORT}: resolve_plugins: takes no path_only")
    make_lists_at_first_use(tree)
    tree[SUPPORT].add_definition(RESOLVE_PLUGIN, before="resolve_plugins")
    make_decorators_at_first_use(tree)
    defer_uses(tree)
    tree.insert("test/unit/test_lazy_plugins.py")
    guard_import(tree, "metaflow.plugins.kubernetes.kubernetes_client")


def make_lists_at_first_use(tree: SourceTree) -> None:
    """Replace the lists by a table from which `__getattr__` makes them."""
    plugins = tree[PLUGINS]
    lists = RESOLVED.findall(plugins.source)
    table = LISTS.format(lists="".join(f'    "{name}": "{of}",\n' for name, of in lists))
    for late in SINCE_3_7.findall(plugins.source):
        plugins.replace_statement(within=None, find=late, by="")
    for sidecars in ("LOGGING_SIDECARS", "MONITOR_SIDECARS"):
        plugins.replace_statement(within=None, find=f"SIDECARS.update({sidecars})", by="")
    for name, category in lists:
        if name != "DEPLOYER_IMPL_PROVIDERS":
            plugins.replace_statement(
                within=None,
                find=f'{name} = resolve_plugins("{category}")',
                by=table if (name, category) == lists[0] else "",
            )
    if "sys." not in plugins.source:
        plugins.defer_import("sys")
    plugins.replace_statement(within="__getattr__", find=CARDS, by=CARDS + PLUGIN_LIST_BRANCH)
    plugins.replace_expression(
        'globals().keys() | {"CARDS"}', by='globals().keys() | {"CARDS"} | _PLUGIN_LISTS.keys()'
    )


def make_decorators_at_first_use(tree: SourceTree) -> None:
    """Let metaflow's `__getattr__` make a decorator from its class."""
    decorators = tree["metaflow/decorators.py"]
    if not decorators.has(IMPORT_ALL):
        raise DoesNotApply(f"metaflow/decorators.py: {IMPORT_ALL}: not found")
    source = decorators.source
    functions = {node.name: node for node in ast.parse(source).body if hasattr(node, "name")}
    for new in (DECORATOR_NAMES, IMPORT_DECORATOR):
        decorators.add_definition(new, before=IMPORT_ALL)
    decorators.replace_statement(
        within=None, find=ast.get_source_segment(source, functions[IMPORT_ALL]), by=""
    )
    for base in ("_base_flow_decorator", "_base_step_decorator"):
        comment = ast.get_source_segment(source, functions[base].body[0])
        decorators.replace_statement(
            within=base, find=comment, by=comment.replace(IMPORT_ALL, "_import_plugin_decorator")
        )
    decorators.add_import("from .extension_support.plugins import resolve_plugin, resolve_plugins")
    package = tree["metaflow/__init__.py"]
    package.replace_statement(
        within=None,
        find=f"from .decorators import step, {IMPORT_ALL}",
        by="from .decorators import step, _import_plugin_decorator, _plugin_decorator_names",
    )
    package.replace_statement(within=None, find=f"{IMPORT_ALL}(globals())", by="")
    package.replace_statement(
        within=None,
        find='_LAZY_NAMES = ["cards"]',
        by="""
        _LAZY_NAMES = ["cards"] + _plugin_decorator_names()
        # A decorator of an extension goes before a module of the same name.
        for _n in _LAZY_NAMES:
            globals().pop(_n, None)
        """,
    )
    package.replace_statement(
        within="__getattr__", find=CARDS_OF_METAFLOW, by=CARDS_OF_METAFLOW + DECORATOR_BRANCH
    )


def defer_uses(tree: SourceTree) -> None:
    """Import a list where it is used in the modules that `import metaflow` loads."""
    for plugins in ("ENVIRONMENTS", "METADATA_PROVIDERS"):
        tree["metaflow/client/core.py"].defer_import(plugins)
    tree["metaflow/client/filecache.py"].defer_import("DATASTORES")
    if "_dict_dataclients" in tree.text(INCLUDED):
        included = tree[INCLUDED]
        included.replace_statement(
            within=None, find="_dict_dataclients = {d.TYPE: d for d in DATACLIENTS}", by=DATACLIENT
        )
        for found in (".get(ctx.ds_type)", ".get(prefix)", "[ctx.handler_type]"):
            asked = found.removeprefix(".get").strip("()[]")
            included.replace_expression(f"_dict_dataclients{found}", by=f"_get_dataclient({asked})")
        included.defer_import("DATACLIENTS")
