"""Edits of functions, classes and statements: from one module to the next."""

import hashlib
import inspect
import textwrap
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Any, cast

import libcst as cst

from optimizations.edits.errors import DoesNotApply

NewCode = Callable[..., Any] | type | str
Definition = cst.FunctionDef | cst.ClassDef
Statement = cst.BaseStatement | cst.BaseSmallStatement


@lru_cache(maxsize=256)
def parse(source: str) -> cst.Module:
    """Parse a module; the same text gives the same (immutable) tree."""
    return cst.parse_module(source)


class _WithoutComments(cst.CSTTransformer):
    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        comment = isinstance(original_node, cst.Comment)
        return cst.RemoveFromParent() if comment else updated_node


def essence(*nodes: cst.CSTNode) -> str:
    """Return the text of some nodes without comments and white space, for comparing."""
    empty = cst.Module([])
    bare = [cast(cst.CSTNode, node.visit(_WithoutComments())) for node in nodes]
    return "".join("".join(empty.code_for_node(node).split()) for node in bare)


class _ExchangeOne(cst.CSTTransformer):
    """Put other nodes in the place of one."""

    def __init__(self, old: cst.CSTNode, new: Sequence[Any]) -> None:
        super().__init__()
        self._old, self._new = old, new

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        return cst.FlattenSentinel(self._new) if original_node is self._old else updated_node


def exchange(module: cst.Module, replacements: dict[cst.CSTNode, Sequence[Any]]) -> cst.Module:
    """Return the module with each key of `replacements` replaced by its nodes.

    The keys are statements of the top level or of a class body, which spares a walk through all.
    """
    waiting = dict(replacements)
    body = _exchanged(module.body, waiting)
    if waiting:
        raise LookupError("a statement to replace is not where it was looked for")
    return module.with_changes(body=body)


def _exchanged(body: Sequence[Any], replacements: dict[cst.CSTNode, Sequence[Any]]) -> list[Any]:
    new: list[Any] = []
    for node in body:
        if node in replacements:
            new.extend(replacements.pop(node))
        elif isinstance(node, cst.ClassDef):
            inner = _exchanged(node.body.body, replacements)
            new.append(node.with_changes(body=node.body.with_changes(body=inner)))
        else:
            new.append(node)
    return new


def _body_of(node: cst.Module | Definition) -> Sequence[Any]:
    return node.body if isinstance(node, cst.Module) else node.body.body


def defined(module: cst.Module, name: str) -> cst.CSTNode:
    """Find the one function, class, method or class attribute of that (dotted) name."""
    node: Any = module
    walked: list[str] = []
    for part in name.split("."):
        walked.append(part)
        found = [child for child in _body_of(node) if part in (_name(child), _assigned_name(child))]
        if len(found) != 1:
            how = "not found" if not found else f"found {len(found)} times"
            raise DoesNotApply(f"{'.'.join(walked)}: {how}")
        node = found[0]
    return cast(cst.CSTNode, node)


def replace_body(module: cst.Module, name: str, by: NewCode, was: Sequence[str]) -> cst.Module:
    """Replace a function's statements; see `Module.replace_body`."""
    old, new = _function(module, name), _new_definition(by)
    if not isinstance(new, cst.FunctionDef):
        raise TypeError(f"{name} can only be replaced by a function")
    if _parameters(old) != _parameters(new):
        expected, found = ", ".join(_parameters(new)), ", ".join(_parameters(old))
        raise DoesNotApply(f"{name}: takes ({found}), expected ({expected})")
    digest = body_digest(old)
    if digest not in was:
        raise DoesNotApply(f"{name}: another body than expected (its digest is {digest})")
    statements = [*_docstring(old), *_without_docstring(new)]
    return exchange(module, {old: [old.with_changes(body=old.body.with_changes(body=statements))]})


def body_digest(function: cst.FunctionDef) -> str:
    """Return a short digest of a function's statements, without comments, layout and docstring."""
    return hashlib.sha256(essence(*_without_docstring(function)).encode()).hexdigest()[:12]


def replace_statement(module: cst.Module, within: str | None, find: str, by: str) -> cst.Module:
    """Replace the one statement of `within` that reads `find`; see `Module.replace_statement`."""
    sought = _statements(find, module)
    wanted, kind = essence(*sought), _kind(sought[0])
    place = module if within is None else defined(module, within)
    alike = [node for node in _all_statements(place) if _kind(node) == kind]
    found = [node for node in alike if essence(node) == wanted]
    first_line = find.strip().splitlines()[0]
    if len(found) != 1:
        how = "not found" if not found else f"found {len(found)} times"
        raise DoesNotApply(f"{within or 'the module'}: `{first_line}`: {how}")
    new: list[Any] = list(_statements(by, module))
    if new:
        above = [*cast(Any, found[0]).leading_lines, *new[0].leading_lines]
        new[0] = new[0].with_changes(leading_lines=above)
        if found[0] in module.body[1:] and isinstance(new[0], Definition):
            new[0] = _two_lines_above(new[0])
    changed = cast(cst.Module, place.visit(_ExchangeOne(found[0], new)))
    if within is not None:
        return exchange(module, {place: [changed]})
    return _apart_from_next(changed, new[-1]) if new else changed


def _apart_from_next(module: cst.Module, last: Any) -> cst.Module:
    """Leave two empty lines below a function or a class of the top level."""
    body: list[Any] = list(module.body)
    if isinstance(last, Definition) and last in body[:-1]:
        following = body.index(last) + 1
        body[following] = _two_lines_above(body[following])
    return module.with_changes(body=body)


def _two_lines_above(node: Any) -> Any:
    lines = list(node.leading_lines)
    while lines and lines[0].comment is None:
        lines.pop(0)
    empty = [cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)]
    return node.with_changes(leading_lines=[*empty, *lines])


def add_definition(module: cst.Module, new: NewCode, before: str) -> cst.Module:
    """Add a function or a class before another; see `Module.add_definition`."""
    anchor, addition = defined(module, before), _new_definition(new)
    if anchor not in module.body or not isinstance(anchor, cst.FunctionDef | cst.ClassDef):
        raise DoesNotApply(f"{before}: not a function or a class of the module's top level")
    if addition.name.value in {_name(node) for node in module.body}:
        raise DoesNotApply(f"{addition.name.value}: is there already")
    # Comments above the anchor belong to it and stay with it; the blank lines before them move up.
    blank = list(takewhile(lambda line: line.comment is None, anchor.leading_lines))
    addition = addition.with_changes(leading_lines=blank)
    return exchange(module, {anchor: [addition, _two_lines_above(anchor)]})


def _function(module: cst.Module, name: str) -> cst.FunctionDef:
    node = defined(module, name)
    if not isinstance(node, cst.FunctionDef):
        raise DoesNotApply(f"{name}: not a function")
    return node


def _name(node: Statement) -> str | None:
    return node.name.value if isinstance(node, cst.FunctionDef | cst.ClassDef) else None


def _assigned_name(node: Statement) -> str | None:
    if not isinstance(node, cst.SimpleStatementLine) or len(node.body) != 1:
        return None
    small = node.body[0]
    if isinstance(small, cst.Assign) and len(small.targets) == 1:
        target: cst.BaseExpression = small.targets[0].target
    elif isinstance(small, cst.AnnAssign) and small.value is not None:
        target = small.target
    else:
        return None
    return target.value if isinstance(target, cst.Name) else None


class _StatementsBelow(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[cst.BaseStatement] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.BaseStatement):
            self.found.append(node)
        return not isinstance(node, cst.BaseExpression)


def _all_statements(node: cst.CSTNode) -> list[cst.BaseStatement]:
    visitor = _StatementsBelow()
    node.visit(visitor)
    return [statement for statement in visitor.found if statement is not node]


def _kind(statement: cst.BaseStatement) -> tuple[type, ...]:
    """Return what kinds of statement make up a line: quickly told, unlike its text."""
    if isinstance(statement, cst.SimpleStatementLine):
        return tuple(type(part) for part in statement.body)
    return (type(statement),)


def _statements(source: str, module: cst.Module) -> list[Any]:
    parsed = cst.parse_module(textwrap.dedent(source).strip("\n") + "\n", module.config_for_parsing)
    nodes: list[Any] = [
        node.with_changes(leading_lines=_without_white_space(node)) for node in parsed.body
    ]
    # Comments above the first statement.
    above = [line for line in parsed.header if line.comment is not None]
    if nodes and above:
        nodes[0] = nodes[0].with_changes(leading_lines=[*above, *nodes[0].leading_lines])
    return nodes


def _without_white_space(node: Any) -> list[cst.EmptyLine]:
    # Empty lines stay empty wherever the statement is put.
    return [
        line if line.comment is not None else line.with_changes(indent=False)
        for line in node.leading_lines
    ]


def _new_definition(new: NewCode) -> Definition:
    source = new if isinstance(new, str) else inspect.getsource(new)
    statements = cst.parse_module(textwrap.dedent(source).strip("\n") + "\n").body
    if len(statements) != 1 or not isinstance(statements[0], cst.FunctionDef | cst.ClassDef):
        raise TypeError("new code must be one function or one class")
    return statements[0]


def _parameters(function: cst.FunctionDef) -> list[str]:
    all_of_them = function.params
    named = [*all_of_them.posonly_params, *all_of_them.params, *all_of_them.kwonly_params]
    stars = [all_of_them.star_arg, all_of_them.star_kwarg]
    names = [parameter.name.value for parameter in named]
    return names + [star.name.value for star in stars if isinstance(star, cst.Param)]


def _docstring(function: cst.FunctionDef) -> list[Any]:
    if function.get_docstring() is None:
        return []
    return list(_body_of(function)[:1])


def _without_docstring(function: cst.FunctionDef) -> list[Any]:
    return list(_body_of(function)[len(_docstring(function)) :])
