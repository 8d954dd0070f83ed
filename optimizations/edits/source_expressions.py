"""Edits of expressions (a decorator's argument, for example) and of parameters."""

import ast
import re
from typing import Any

import libcst as cst

from optimizations.edits.errors import DoesNotApply
from optimizations.edits.source_definitions import defined, exchange
from optimizations.edits.source_imports import code_of


def replace_expression(
    module: cst.Module, find: str, by: str, everywhere: bool = False
) -> cst.Module:
    """Replace the expression that reads `find`; see `Module.replace_expression`."""
    # Searching is slow: look only at statements that contain the longest name of `find`.
    longest = max(re.findall(r"\w+", find), key=len)
    search = _Search(find)
    places = [node for node in module.body if longest in code_of(node)]
    for place in places:
        place.visit(search)
    if not search.found or (len(search.found) > 1 and not everywhere):
        how = f"found {len(search.found)} times" if search.found else "not found"
        raise DoesNotApply(f"`{find}`: {how}")
    replacement = _Replacement(search.found, by)
    return exchange(module, {place: [place.visit(replacement)] for place in places})


def add_parameter(module: cst.Module, name: str, parameter: str) -> cst.Module:
    """Add a last parameter, with its default, to a function; see `Module.add_parameter`."""
    function = defined(module, name)
    if not isinstance(function, cst.FunctionDef):
        raise DoesNotApply(f"{name}: not a function")
    known = function.params
    if known.kwonly_params or known.star_kwarg or isinstance(known.star_arg, cst.Param):
        raise DoesNotApply(f"{name}: its last parameter is not positional")
    (new,) = cst.ensure_type(
        cst.parse_expression(f"lambda {parameter}: 0"), cst.Lambda
    ).params.params
    if new.default is None:
        raise TypeError(f"{parameter} needs a default, for those who call {name} already")
    if new.name.value in {each.name.value for each in (*known.posonly_params, *known.params)}:
        raise DoesNotApply(f"{name}: takes {new.name.value} already")
    added = known.with_changes(params=[*known.params, new])
    return exchange(module, {function: [function.with_changes(params=added)]})


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


class _Replacement(cst.CSTTransformer):
    def __init__(self, found: list[cst.CSTNode], by: str) -> None:
        super().__init__()
        self._found = set(map(id, found))
        self._by = by

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        return cst.parse_expression(self._by) if id(original_node) in self._found else updated_node


def _essence(code: str) -> str:
    # In brackets, for an expression of several lines may have none of its own.
    return ast.dump(ast.parse(f"({code})", mode="eval"))
