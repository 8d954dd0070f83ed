"""Load cards when a card is made or shown, not when metaflow is imported.

`import metaflow` loads every kind of card, all card components and the packages of cards that
extensions bring. A flow without `@card` uses none of it, but each of its processes pays: the
command that a person types, and one more per task. The root cause is that metaflow/__init__.py
imports `cards`, that metaflow/plugins/__init__.py lists the classes in `CARDS`, and that the module
of `@card` imports the card components at its top.

What changes: `metaflow.cards` and `metaflow.plugins.CARDS` are loaded when first asked for, by
a module-level `__getattr__` (PEP 562). `CARDS` is then a plain list, kept in the module. `@card`
imports the card components when a task starts. `from metaflow import *` still brings `cards` and so
still loads them. The stub generator asks for what `dir` names before it reads a
module's `__dict__`.

Reproduce: `python -X importtime -c "import metaflow" 2>&1 | grep cards` lists a dozen modules
before and none after, but for the module of `@card` itself and the card command's creator.

Could fail:
- Two threads ask for `CARDS` at once. Both may make the list; `setdefault` keeps one for both.
- Code assigns to or patches `metaflow.plugins.CARDS`. An assigned name is found before
  `__getattr__` is asked, and `mock.patch` restores the list that it read.
- A module of cards imports `metaflow.cards` while that is being loaded. `import_module` returns the
  module from `sys.modules`, as an import statement does.
- An extension's package of cards that fails: metaflow prints its warning at the first use of cards.

Price: the classes of cards (`DefaultCard`, ...) and `MF_EXTERNAL_CARDS` are no longer names in
`metaflow.plugins`; they are where they are defined, in `metaflow.plugins.cards.card_modules`.
`vars(metaflow)` has `cards` once it was used; `dir(metaflow)` names it always. In a flow that says
`from metaflow import *`, pylint no longer knows `cards`, as it never knew the decorators.
"""

from __future__ import annotations

import ast
import re

from optimizations.edits import Claim, DoesNotApply, SourceTree, guard_import

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)

PLUGINS = "metaflow/plugins/__init__.py"
STUBS = "metaflow/cmd/develop/stub_generator.py"
MODULES = "cards.card_modules"
IMPORTED = re.compile(r"^if sys\.version_info.*:\n    from \. import cards$", re.MULTILINE)
DECORATORS = "_import_plugin_decorators(globals())"
CARDS_OF_METAFLOW = """

# Found by __getattr__, and loaded, when they are first used (PEP 562).
_LAZY_NAMES = ["cards"]


def __getattr__(name):
    if name == "cards":
        import importlib

        return importlib.import_module("metaflow.cards")
    raise AttributeError("module %r has no attribute %r" % (__name__, name))


def __dir__():
    return globals().keys() | set(_LAZY_NAMES)
"""
STAR = """
{version}

# For `from metaflow import *`, which would not ask __getattr__ otherwise.
__all__ = [_n for _n in globals() if not _n.startswith("_")] + _LAZY_NAMES
"""
GETATTR = """
def __getattr__(name):
    # Cards are loaded when they are first used (PEP 562).
    if name == "CARDS":
        return globals().setdefault(name, _load_cards())
    raise AttributeError("module %r has no attribute %r" % (__name__, name))
"""
DIR = """
def __dir__():
    return globals().keys() | {"CARDS"}
"""
LOAD = """
def _load_cards():
    from .cards.card_modules import MF_EXTERNAL_CARDS, {modules}

    cards = [
{cards}    ]
    merge_lists(cards, MF_EXTERNAL_CARDS, "type")
    return cards
"""


def apply(tree: SourceTree) -> None:
    """Find the cards by `__getattr__` in metaflow and in its plugins."""
    package = tree["metaflow/__init__.py"]
    imported = IMPORTED.search(package.source)
    if not imported:
        raise DoesNotApply("metaflow/__init__.py: `from . import cards`: not found")
    package.replace_statement(within=None, find=imported[0], by="")
    package.replace_statement(within=None, find=DECORATORS, by=DECORATORS + CARDS_OF_METAFLOW)
    version = package.source.rstrip().splitlines()[-1]
    package.replace_statement(within=None, find=version, by=STAR.format(version=version))
    list_cards_in_a_function(tree)
    decorator = tree["metaflow/plugins/cards/card_decorator.py"]
    decorator.defer_import("CardComponentCollector")
    decorator.defer_import("get_card_class")
    if STUBS in tree:
        describe_what_is_lazy(tree)
    tree.insert("test/unit/test_deferred_cards.py")
    guard_import(tree, "metaflow.plugins.cards.card_modules")


def list_cards_in_a_function(tree: SourceTree) -> None:
    """Make `CARDS` the result of a function that imports the modules of cards."""
    plugins = tree[PLUGINS]
    source = plugins.source
    module_of, cards, statements = {}, [], []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(MODULES):
            module_of |= {alias.name: node.module.rpartition(".")[2] for alias in node.names}
            statements.append(ast.get_source_segment(source, node))
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets) == "CARDS":
            cards = [name.id for name in node.value.elts]
            statements.append(ast.get_source_segment(source, node))
    if len(statements) < len(("MF_EXTERNAL_CARDS", "basic", "CARDS")):
        raise DoesNotApply(f"{PLUGINS}: CARDS: not found")
    modules = sorted({module_of[card] for card in cards})
    made = LOAD.format(
        modules=", ".join(modules),
        cards="".join(f"        {module_of[card]}.{card},\n" for card in cards),
    )
    # The comment above the second, the first import of cards, tells about cards in general.
    for statement in statements:
        by = made if statement == statements[1] else ""
        plugins.replace_statement(within=None, find=statement, by=by)
    plugins.replace_statement(
        within=None, find='merge_lists(CARDS, MF_EXTERNAL_CARDS, "type")', by=""
    )
    plugins.add_definition(GETATTR, before="get_plugin_cli")
    plugins.add_definition(DIR, before="get_plugin_cli")


def describe_what_is_lazy(tree: SourceTree) -> None:
    """Let the stub generator ask for what a module loads at first use."""
    tree[STUBS].replace_statement(
        within="StubGenerator._get_module",
        find="self._current_module = importlib.import_module(name)",
        by="""
        self._current_module = importlib.import_module(name)
        # Load what is loaded when it is first used (PEP 562).
        for objname in dir(self._current_module):
            getattr(self._current_module, objname, None)
        """,
    )
