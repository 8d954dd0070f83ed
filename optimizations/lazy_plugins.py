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

import inspect
import re

from optimizations import plugins_at_first_use
from optimizations.errors import DoesNotApply
from optimizations.new_modules import add_lazy_loading
from optimizations.source_tree import SourceTree

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


def apply(tree: SourceTree) -> None:
    """Make the lists of plugins and the decorators lazy."""
    if "path_only" not in tree.text(SUPPORT):
        raise DoesNotApply(f"{SUPPORT}: resolve_plugins: takes no path_only")
    add_lazy_loading(tree)
    defer_lists(tree)
    support = tree[SUPPORT]
    support.add_import("from metaflow.lazy_loading import LazyDict, LazyList")
    support.add_import("from functools import partial")
    for function in ("lazy_plugins", "plugin_loaders", "plugin_names"):
        new = getattr(plugins_at_first_use, function)
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
        stubs.add_definition(plugins_at_first_use._load_plugins, before="StubGenerator")
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
        by=plugins_at_first_use._import_plugin_decorators,
        was={"a79a53ecb7e3"},
    )
    decorators.add_import("from typing import Any, Callable, Tuple")
    decorator = inspect.getsource(plugins_at_first_use._DecoratorOfPlugin)
    decorators.add_definition(
        decorator.replace(FIRST_LINE, OF_PARTIAL + FIRST_LINE, 1),
        before="_import_plugin_decorators",
    )
