"""Load the cards when a card is made or shown, not when metaflow is imported.

`import metaflow` loads every kind of card, its components and what renders them, and the packages
of cards that extensions bring. A flow without `@card` uses none of it.

What changes: `metaflow.cards` is executed when anything of it is first asked for (as `LazyLoader`
of the standard library does it, but safe with threads); `metaflow.plugins.CARDS` stays a list,
which loads the cards when anything first looks at it; `@card` imports its collector of components
when a task starts.

How to measure: `instructions.Command` and `imports.Import` for `import metaflow`; `flows.Card` must
stay what it was.

Risk: an error in an extension's package of cards shows when a card is first used. `CARDS` is
filled by its methods; C code that reads a list's items without asking it would see it empty (the
interpreter itself asks; tested).
"""

from optimizations.edits import Claim, SourceTree

CLAIMS = (Claim("instructions.Command.track_run(import metaflow)", "`import metaflow`"),)


def apply(tree: SourceTree) -> None:
    """Make the list of cards and the module `metaflow.cards` lazy."""
    tree.insert("metaflow/lazy_loading.py")
    package = tree["metaflow/__init__.py"]
    package.replace_statement(
        within=None,
        find="from . import cards",
        by="""
        from . import lazy_loading

        cards = lazy_loading.lazy_module("metaflow.cards")
        """,
    )
    plugins = tree["metaflow/plugins/__init__.py"]
    plugins.make_at_first_use("CARDS", wrapper="LazyList")
    plugins.add_import("from metaflow.lazy_loading import LazyList")
    decorator = tree["metaflow/plugins/cards/card_decorator.py"]
    decorator.defer_import("CardComponentCollector")
    decorator.defer_import("get_card_class")
