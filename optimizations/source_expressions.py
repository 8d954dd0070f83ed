"""Edits of expressions, for what stands in no statement of its own: a decorator's argument, say."""

import ast
from typing import cast

import libcst as cst

from optimizations.errors import DoesNotApply
from optimizations.source_imports import code_of


def replace_expression(module: cst.Module, find: str, by: str) -> cst.Module:
    """Replace the one expression that reads `find`; see `Module.replace_expression`."""
    search = _Search(find)
    module.visit(search)
    if len(search.found) != 1:
        how = f"found {len(search.found)} times" if search.found else "not found"
        raise DoesNotApply(f"`{find}`: {how}")
    return cast(cst.Module, module.deep_replace(search.found[0], cst.parse_expression(by)))


class _Search(cst.CSTVisitor):
    def __init__(self, sought: str) -> None:
        super().__init__()
        self._kind = type(cst.parse_expression(sought))
        self._wanted = _essence(sought)
        self.found: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if type(node) is self._kind and _essence(code_of(node)) == self._wanted:
            self.found.append(node)
        return True


def _essence(code: str) -> str:
    # In brackets, for an expression of several lines may have none of its own.
    return ast.dump(ast.parse(f"({code})", mode="eval"))
