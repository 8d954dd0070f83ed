"""Import cards only when a card is made or shown.

`import metaflow` loads every kind of card, all card components and the packages of cards that
extensions bring. A flow without `@card` uses none of it, but each of its processes pays: the
command that a person types, and one more per task. Root cause: metaflow/__init__.py imports
`cards`, metaflow/plugins/__init__.py lists the classes in `CARDS`, and the module of `@card`
imports the card components at its top.

What changes: `metaflow.cards` and `metaflow.plugins.CARDS` are loaded when first asked for, by a
module-level `__getattr__` (PEP 562). `CARDS` is then a plain list, kept in the module. `@card`
imports the card components when a task starts. `from metaflow import *` still brings `cards` and so
still loads them. The stub generator gets all of `dir(module)` before it reads `__dict__`.

Reproduce: `python -X importtime -c "import metaflow" 2>&1 | grep cards` lists a dozen more modules
before than after; those left belong to `@card` itself.

Could fail:

- Two threads ask for `CARDS` at once. Both may make the list; `setdefault` keeps one for both.
- Code assigns to or patches `metaflow.plugins.CARDS`. An assigned name is found before
  `__getattr__` is asked, and `mock.patch` restores the list that it read.
- A module of cards imports `metaflow.cards` while that is being loaded. `import_module` returns the
  module from `sys.modules`, as an import statement does.
- An extension's package of cards fails: metaflow prints its warning at the first use of cards.

Price: the classes of cards (`DefaultCard`, ...) and `MF_EXTERNAL_CARDS` are no longer names in
`metaflow.plugins`; they are where they are defined, in `metaflow.plugins.cards.card_modules`.
`vars(metaflow)` has `cards` only after its first use; `dir(metaflow)` always names it. In a flow
that says `from metaflow import *`, pylint no longer knows `cards`, as it never knew the decorators.
"""

import ast
import re

from optimizations.edits import Claim, DoesNotApply, SourceTree, guard_import

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)

PLUGINS = "metaflow/plugins/__init__.py"
STUBS = "metaflow/cmd/develop/stub_generator.py"
MODULES = "cards.card_modules"
CARDS_IMPORT = re.compile(r"^if sys\.version_info.*:\n    from \. import cards$", re.MULTILINE)
DECORATORS = "_import_plugin_decorators(globals())"
CARDS_OF_METAFLOW = """

# Names that __getattr__ loads when they are first used (PEP 562).
_LAZY_NAMES = ["cards"]


def __getattr__(name):
    if name == "cards":
        import importlib

        return importlib.import_module("metaflow.cards")
    raise AttributeError("module %r has no attribute %r" % (__name__, name))


def __dir__():
    return globals().keys() | set(_LAZY_NAMES)
"""
STAR_IMPORT = """
{version}

# `from metaflow import *` asks __getattr__ only for names in __all__.
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
LOAD_CARDS = """
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
    imported = CARDS_IMPORT.search(package.source)
    if not imported:
        raise DoesNotApply("metaflow/__init__.py: `from . import cards`: not found")
    package.replace_statement(within=None, find=imported[0], by="")
    if "sys." not in package.source:
        package.defer_import("sys")
    package.replace_statement(within=None, find=DECORATORS, by=DECORATORS + CARDS_OF_METAFLOW)
    version = package.source.rstrip().splitlines()[-1]
    package.replace_statement(within=None, find=version, by=STAR_IMPORT.format(version=version))
    list_cards_in_a_function(tree)
    decorator = tree["metaflow/plugins/cards/card_decorator.py"]
    decorator.defer_import("CardComponentCollector")
    decorator.defer_import("get_card_class")
    if STUBS in tree:
        load_lazy_names_for_stubs(tree)
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
    loader = LOAD_CARDS.format(
        modules=", ".join(modules),
        cards="".join(f"        {module_of[card]}.{card},\n" for card in cards),
    )
    # Keep the second statement's place: the comment above it is about cards in general.
    for statement in statements:
        by = loader if statement == statements[1] else ""
        plugins.replace_statement(within=None, find=statement, by=by)
    plugins.replace_statement(
        within=None, find='merge_lists(CARDS, MF_EXTERNAL_CARDS, "type")', by=""
    )
    plugins.add_definition(GETATTR, before="get_plugin_cli")
    plugins.add_definition(DIR, before="get_plugin_cli")


def load_lazy_names_for_stubs(tree: SourceTree) -> None:
    """Let the stub generator ask for what a module loads at first use."""
    tree[STUBS].replace_statement(
        within="StubGenerator._get_module",
        find="self._current_module = importlib.import_module(name)",
        by="""
        self._current_module = importlib.import_module(name)
        # Load the names that a module loads only at first use (PEP 562).
        for objname in dir(self._current_module):
            getattr(self._current_module, objname, None)
        """,
    )
