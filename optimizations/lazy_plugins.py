"""Load a plugin when it is used, not all of them when metaflow is imported.

`import metaflow` loads every decorator, environment, datastore, metadata provider, sidecar and
client of every cloud, whichever the flow uses: the largest part of what is left of its time.

What changes: the lists and dicts of `metaflow.plugins` stay lists and dicts, and load their plugins
when anything first looks at them. Which plugins are enabled, and whether each of them is described,
is still settled at import. `metaflow.retry` and the other decorators stay partial functions, which
load their own class when they are used. The command line lists what may be chosen by name, without
loading it. Submodules of `metaflow.plugins` that were loaded with it are loaded when asked for.

How to measure: `instructions.Command`, `imports` and `flows.Run`.

Risk: an error in a plugin's module shows when the plugin is first used, not at import. An
extension whose modules count on being loaded, beyond what they define, must be imported by name.
C code that reads a list's items without asking the list sees it empty until it was looked at.
`dir` and `import *` of `metaflow.plugins` name less until it was.
"""

from __future__ import annotations

import inspect
import re
from functools import partial

from optimizations.edits import Claim, DoesNotApply, SourceTree

CLAIMS = (
    Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),
    Claim("instructions.Command.track_run(flow.py step)", "a task of a hello flow"),
)

PLUGINS = "metaflow/plugins/__init__.py"
SUPPORT = "metaflow/extension_support/plugins.py"
STUBS = "metaflow/cmd/develop/stub_generator.py"
RESOLVED = re.compile(r'^ *(\w+) = resolve_plugins\("(\w+)"\)$', re.MULTILINE)
# How the generator of stubs knows a decorator. Here it would hide the class's own source.
FIRST_LINE = "    _load: "
OF_PARTIAL = '    __module__ = "functools"\n'
# What the package's own import looks at; and what is moved into a function as it stands.
NOT_LAZY = ("tl_plugin", "sidecar")
NO_ATTRIBUTE = 'raise AttributeError("module %r has no attribute %r" % (__name__, name))'
SUBMODULE = """\
if not name.startswith("_"):
    # Plugins used to be loaded with this package, and so are its attributes.
    try:
        return importlib.import_module("." + name, __name__)
    except ModuleNotFoundError as error:
        if error.name != "%s.%s" % (__name__, name):
            raise
"""
# Of a plugin for tests, which this package imports by name.
TEST_INPUT = "InternalTestUnboundedForeachInput"
TEST_INPUT_LATER = f"""\
if name == "{TEST_INPUT}":
    from .test_unbounded_foreach_decorator import {TEST_INPUT}

    return {TEST_INPUT}
"""
# Modules of metaflow that only plugins load, and that were attributes of it.
LATER = """\
_import_plugin_decorators(globals())


def __getattr__(name):
    # They used to be loaded with the plugins.
    if name in ("cli_args", "event_logger", "monitor", "sidecar"):
        return __import__("%s.%s" % (__name__, name), fromlist=[name])
    raise AttributeError("module %r has no attribute %r" % (__name__, name))


"""


def lazy_plugins(category: str) -> Union[LazyList, LazyDict]:
    """Return what `resolve_plugins` returns, loaded when anything first looks at it."""
    # What was asked for and does not exist is reported now, as ever.
    resolve_plugins(category, path_only=True)
    kind = LazyDict if _plugin_categories[category] is None else LazyList
    return kind(partial(resolve_plugins, category))


def plugin_loaders(category: str) -> Dict[str, Callable[[], Any]]:
    """Return, by name, a function for each enabled plugin of a category that loads it."""
    return {
        name: partial(get_plugin, category, class_path, name)
        for name, class_path in resolve_plugins(category, path_only=True).items()
    }


def plugin_names(category: str, plugins: Any) -> Tuple[str, ...]:
    """Return the names of the plugins in a list of `lazy_plugins`; loads none of them."""
    if getattr(plugins, "_make", None) is not None:
        return tuple(resolve_plugins(category, path_only=True))
    name_of = _plugin_categories[category]
    if name_of is None:
        return tuple(plugins)
    return tuple(name_of(plugin) for plugin in plugins)


class _DecoratorOfPlugin(partial):
    """`partial(prototype, decotype)`, whose decorator type is loaded when it is first needed."""

    _load: Callable[[], Any]

    def __new__(
        cls, prototype: Callable[..., Any], load: Callable[[], Any]
    ) -> "_DecoratorOfPlugin":
        self = super().__new__(cls, prototype)
        self._load = load
        return self

    @property
    def args(self) -> Tuple[Any, ...]:
        return (self._load(),)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.func(self._load(), *args, **kwargs)

    def __reduce__(self) -> Tuple[Any, ...]:
        return partial, (self.func, *self.args)

    def __repr__(self) -> str:
        return repr(partial(self.func, *self.args))


def _load_plugins() -> None:
    # What is loaded at first use is described like the rest.
    from metaflow import cards, plugins

    for plugin_list in list(vars(plugins).values()):
        if isinstance(plugin_list, (list, dict)):
            len(plugin_list)
    dir(cards)


def _import_plugin_decorators(globals_dict: Dict[str, Any]) -> None:
    from metaflow.extension_support.plugins import plugin_loaders

    # Plain functions, for a decorator may stand with arguments and without them.
    for name, load in plugin_loaders("step_decorator").items():
        globals_dict[name] = _DecoratorOfPlugin(_base_step_decorator, load)

    for name, load in plugin_loaders("flow_decorator").items():
        globals_dict[name] = _DecoratorOfPlugin(_base_flow_decorator, load)


def apply(tree: SourceTree) -> None:
    """Make the lists of plugins and the decorators lazy."""
    if "path_only" not in tree.text(SUPPORT):
        raise DoesNotApply(f"{SUPPORT}: resolve_plugins: takes no path_only")
    tree.insert("metaflow/lazy_loading.py")
    defer_lists(tree)
    support = tree[SUPPORT]
    support.add_import("from metaflow.lazy_loading import LazyDict, LazyList")
    support.add_import("from functools import partial")
    for new in (lazy_plugins, plugin_loaders, plugin_names):
        support.add_definition(new, before="get_plugin_name")
    support.add_import("from typing import Any, Callable, Dict, Tuple, Union")
    defer_decorators(tree)
    tree["metaflow/__init__.py"].replace_statement(
        within=None, find="_import_plugin_decorators(globals())", by=LATER
    )
    if STUBS in tree:
        stubs = tree[STUBS]
        stubs.replace_statement(
            within="StubGenerator.write_out",
            find="out_dir = self._output_dir",
            by="""
            _load_plugins()
            out_dir = self._output_dir
            """,
        )
        stubs.add_definition(_load_plugins, before="StubGenerator")
    if "_dict_dataclients" in tree.text("metaflow/includefile.py"):
        included = tree["metaflow/includefile.py"]
        included.make_at_first_use("_dict_dataclients", wrapper="LazyDict")
        included.add_import("from .lazy_loading import LazyDict")


def defer_lists(tree: SourceTree) -> None:
    """Make each list and dict of plugins lazy."""
    plugins = tree[PLUGINS]
    plugins.make_at_first_use("SIDECARS", wrapper="LazyDict")
    for name, category in RESOLVED.findall(plugins.source):
        if category not in NOT_LAZY:
            plugins.replace_statement(
                within=None,
                find=f'{name} = resolve_plugins("{category}")',
                by=f'{name} = lazy_plugins("{category}")',
            )
    later = SUBMODULE
    if f" import {TEST_INPUT}\n" in plugins.source:
        plugins.defer_import(TEST_INPUT)
        later = TEST_INPUT_LATER + SUBMODULE
    plugins.add_import("from metaflow.lazy_loading import LazyDict")
    plugins.add_import("from metaflow.extension_support.plugins import lazy_plugins")
    plugins.replace_statement(
        within="__getattr__", find=NO_ATTRIBUTE, by=later + NO_ATTRIBUTE + "\n"
    )
    plugins.add_import("import importlib")


def defer_decorators(tree: SourceTree) -> None:
    """Let each decorator load its own class."""
    decorators = tree["metaflow/decorators.py"]
    decorators.replace_body(
        "_import_plugin_decorators",
        by=_import_plugin_decorators,
        was={"a79a53ecb7e3"},
    )
    decorators.add_import("from typing import Any, Callable, Tuple")
    decorator = inspect.getsource(_DecoratorOfPlugin)
    decorators.add_definition(
        decorator.replace(FIRST_LINE, OF_PARTIAL + FIRST_LINE, 1),
        before="_import_plugin_decorators",
    )
