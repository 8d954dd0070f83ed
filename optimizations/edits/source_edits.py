"""What an optimisation may do to one module of metaflow.

Each edit changes only what it names and keeps the rest byte for byte. Each checks that it finds
exactly what it expects; if not, it raises `DoesNotApply` with the file and the name.
"""

from collections.abc import Callable, Collection
from functools import lru_cache

import libcst as cst
from libcst import ParserSyntaxError

from optimizations.edits import (
    deferred_imports,
    source_definitions,
    source_expressions,
    source_imports,
)
from optimizations.edits.errors import DoesNotApply
from optimizations.edits.source_definitions import NewCode


class Module:
    """One module of metaflow; every method is an edit of it.

    `importers` tells which other modules import a name from this one.
    """

    def __init__(
        self,
        path: str,
        source: str,
        importers: Callable[[str], list[str]] = lambda name: [],
    ) -> None:
        self.path = path
        try:
            self._tree = source_definitions.parse(source)
        except ParserSyntaxError as problem:
            raise DoesNotApply(f"{path}: line {problem.raw_line} is no Python") from None
        self._importers = importers

    @property
    def source(self) -> str:
        """The module's text as the edits so far left it."""
        return _text(self._tree)

    def has(self, name: str) -> bool:
        """Whether a function, a class, a method or a class attribute `name` is defined once."""
        try:
            source_definitions.defined(self._tree, name)
        except DoesNotApply:
            return False
        return True

    def defer_import(self, name: str) -> None:
        """Move the top-level import of `name` to its first use inside each function that uses it.

        The import stands right before the first statement that needs it, after early returns. An
        import that no function uses goes altogether. Refused where the name is used while the
        module loads (at module level, in a class body, a decorator, a default, an annotation) and
        where another module imports it from here.
        """
        others = self._importers(name)
        if others:
            raise DoesNotApply(f"{self.path}: {name}: imported from here by {', '.join(others)}")
        self._edit(deferred_imports.defer_import, name)

    def add_import(self, statement: str) -> None:
        """Add an import at the top; names that the module imports there already are left out."""
        self._edit(source_imports.add_import, statement)

    def replace_body(self, name: str, *, by: NewCode, was: Collection[str]) -> None:
        """Replace the statements of a function; signature, annotations and docstring stay.

        Parameters
        ----------
        name : str
            The function, or `Class.method`.
        by : function or str
            The new function, as an object of our own Python or as source; only its body is used.
        was : Collection[str]
            Digests of the bodies that the new code was written for. A release with another body is
            refused, and the refusal tells its digest.
        """
        self._edit(source_definitions.replace_body, name, by, tuple(was))

    def replace_statement(self, *, within: str | None, find: str, by: str) -> None:
        """Replace the one statement of `within` that reads `find`, whatever its layout.

        `within` names a function or a class; None stands for the whole module. An empty `by`
        deletes the statement and the comments above it.
        """
        self._edit(source_definitions.replace_statement, within, find, by)

    def replace_expression(self, find: str, *, by: str, everywhere: bool = False) -> None:
        """Replace the one expression of the module that reads `find`, whatever its layout.

        For what stands in no statement of its own, as the argument of a decorator does. With
        `everywhere` it may occur more than once.
        """
        self._edit(source_expressions.replace_expression, find, by, everywhere)

    def add_parameter(self, name: str, parameter: str) -> None:
        """Add a parameter with a default (`"size=0"`) as the last one of a function or a method."""
        self._edit(source_expressions.add_parameter, name, parameter)

    def add_definition(self, new: NewCode, *, before: str) -> None:
        """Add a function or a class right before the function or class `before`."""
        self._edit(source_definitions.add_definition, new, before)

    def _edit(self, edit: Callable[..., cst.Module], *arguments: object) -> None:
        result = _edited(edit, self._tree, *arguments)
        if isinstance(result, DoesNotApply):
            raise DoesNotApply(f"{self.path}: {result}")
        self._tree = result


@lru_cache(maxsize=1024)
def _text(module: cst.Module) -> str:
    return module.code


@lru_cache(maxsize=1024)
def _edited(edit: Callable[..., cst.Module], *arguments: object) -> cst.Module | DoesNotApply:
    # Releases share most of their files: what was found out about one holds for the next.
    try:
        return edit(*arguments)
    except DoesNotApply as reason:
        return reason
