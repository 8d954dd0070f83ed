"""Moving the making of a module's value from its load to its first use."""

from collections.abc import Sequence
from typing import Any, cast

import libcst as cst

from optimizations.edits.deferred_imports import with_line_before_uses
from optimizations.edits.errors import DoesNotApply
from optimizations.edits.source_definitions import (
    Definition,
    assigned_name,
    body_of,
    defined,
    exchange,
    mentions,
    statements,
    two_lines_above,
    without_white_space,
)
from optimizations.edits.source_imports import aliases_of, bound_name, is_import


def make_at_first_use(module: cst.Module, name: str, wrapper: str) -> cst.Module:
    """Hand the statements that make a value to `wrapper`; see `Module.make_at_first_use`."""
    making = [node for node in module.body if _runs_at_load(node) and mentions(node, {name})]
    making = [node for node in making if not _is_import(node)]
    if not making or assigned_name(making[0]) != name:
        raise DoesNotApply(f"{name}: not made by statements of the module's top level")
    imports = _imports_only_for(making, module)
    moved = [node for node in module.body if node in making or node in imports]
    taken = sorted(bound for node in imports for bound in _bound(node))
    code: list[Any] = [_maker(moved, name, taken, module)]
    code += _apart(statements(f"{name} = {wrapper}({_maker_name(name)})", module))
    if taken:
        found = ["if name in globals():", "    return globals()[name]"]
        code += _getattr(module, f"if name {_one_of(taken)}:", [f"len({name})", *found])
    return _in_place_of(module, moved, code)


def defer_value(module: cst.Module, name: str) -> cst.Module:
    """Make a value inside the functions that use it; see `Module.defer_value`."""
    module, making = _making_alone(module, name)
    call = f"{_maker_name(name)}()"
    line = cast(cst.SimpleStatementLine, statements(f"{name} = {call}", module)[0])
    deferred = with_line_before_uses(module, name, line)
    code = [_maker(making, name, [], module)]
    code += _getattr(module, f'if name == "{name}":', [f"return {call}"])
    return _in_place_of(deferred, making, code)


def _making_alone(module: cst.Module, name: str) -> tuple[cst.Module, list[Any]]:
    """Return the statement that makes `name`; what stands beside it in an `if` gets one of its own.

    Other names given a value there are the module's: inside a function they would be lost.
    """
    making = [node for node in module.body if _runs_at_load(node) and name in _bound(node)]
    if len(making) != 1:
        raise DoesNotApply(f"{name}: made by {len(making)} statements of the top level, expected 1")
    split = [making[0]] if _bound(making[0]) == {name} else _split(making[0], name)
    if split[-1] is making[0]:
        return module, making
    return _in_place_of(module, making, split), split[-1:]


def _split(node: Any, name: str) -> list[Any]:
    """Return an `if` without the one statement that makes `name`, and one with nothing else."""
    branch: Sequence[Any] = (
        node.body.body if isinstance(node, cst.If) and node.orelse is None else ()
    )
    moved = [each for each in branch if name in _bound(each)]
    if len(moved) != 1 or _bound(moved[0]) != {name}:
        others = ", ".join(sorted(_bound(node) - {name}))
        raise DoesNotApply(f"{name}: the statement that makes it makes {others}, too")
    place = list(branch).index(moved[0])
    # An empty line below an import stays below it.
    empty = [line for line in moved[0].leading_lines if line.comment is None]
    following = [
        each.with_changes(leading_lines=each.leading_lines or empty)
        for each in branch[place + 1 : place + 2]
    ]
    kept = [*branch[:place], *following, *branch[place + 2 :]]
    alone = moved[0].with_changes(leading_lines=())
    return [
        node.with_changes(body=node.body.with_changes(body=kept)),
        _apart([node.with_changes(body=node.body.with_changes(body=[alone]), leading_lines=())])[0],
    ]


def make_attribute_at_first_use(module: cst.Module, name: str, decorator: str) -> cst.Module:
    """Move a class attribute's making into a function; see `Module.make_attribute_at_first_use`."""
    owner, attribute = name.rsplit(".", 1)
    body = list(body_of(cast(cst.ClassDef, defined(module, owner))))
    start = body.index(cast(Any, defined(module, name)))
    end = start + 1
    while end < len(body) and _is_simple(body[end]) and mentions(body[end], {attribute}):
        end += 1
    makers, rest = body[start:end], [*body[:start], *body[end:]]
    own_names = {assigned_name(line) for line in rest} | {
        node.name.value for node in rest if isinstance(node, Definition)
    }
    for statement in makers:
        if mentions(statement, own_names - {None}):
            raise DoesNotApply(f"{name}: made out of other attributes of its class")
    if any(_is_simple(statement) and mentions(statement, {attribute}) for statement in rest):
        raise DoesNotApply(f"{name}: used elsewhere in the body of its class")
    first = cast(cst.SimpleStatementLine, makers[0])
    returns = cst.SimpleStatementLine([cst.Return(cst.Name(attribute))])
    function = cst.FunctionDef(
        name=cst.Name(attribute),
        params=cst.Parameters(),
        body=cst.IndentedBlock([first.with_changes(leading_lines=()), *makers[1:], returns]),
        decorators=[cst.Decorator(cst.Name(decorator))],
        leading_lines=first.leading_lines,
    )
    removed = {cast(cst.CSTNode, node): () for node in makers[1:]}
    return exchange(module, {first: [function], **removed})


def _is_simple(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine)


def _runs_at_load(node: cst.CSTNode) -> bool:
    return not isinstance(node, cst.FunctionDef | cst.ClassDef)


def _is_import(node: Any) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and is_import(node.body[0])


class _Bound(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Import | cst.ImportFrom):
            self.names.update(bound_name(alias) for alias in aliases_of(node))
        elif isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Name):
            self.names.add(node.target.value)
        return True


def _bound(node: cst.CSTNode) -> set[str]:
    """Return the names that a statement imports or gives a value to."""
    visitor = _Bound()
    node.visit(visitor)
    return visitor.names


def _imports_only_for(making: Sequence[Any], module: cst.Module) -> list[Any]:
    """List the imports of names that nothing but the statements in `making` uses."""
    found = []
    for node in module.body:
        if not _is_import(node):
            continue
        names = _bound(node)
        others = [other for other in module.body if other is not node and other not in making]
        needed = any(mentions(statement, names) for statement in making)
        if needed and not any(mentions(other, names) for other in others):
            found.append(node)
    return found


def _maker_name(name: str) -> str:
    return f"_make_{name.lower().strip('_')}"


def _maker(
    moved: Sequence[Any], name: str, taken: Sequence[str], module: cst.Module
) -> cst.FunctionDef:
    """Return a function of the moved statements; names that they import stay the module's."""
    source = f"def {_maker_name(name)}():\n    return {name}\n"
    function = cast(cst.FunctionDef, statements(source, module)[0])
    start = statements("\n".join(f"global {each}" for each in taken), module) if taken else []
    first, *others = moved
    kept = [line for line in first.leading_lines if line.comment is not None]
    others = [node.with_changes(leading_lines=_one_empty(node)) for node in others]
    body = [*start, first.with_changes(leading_lines=kept), *others, *function.body.body]
    body = [node.deep_clone() for node in body]
    return two_lines_above(
        function.with_changes(body=function.body.with_changes(body=body), leading_lines=())
    )


def _one_empty(node: Any) -> list[cst.EmptyLine]:
    """Return the lines above a statement, at most one of them empty in a row."""
    lines: list[cst.EmptyLine] = []
    for line in without_white_space(node):
        if line.comment is not None or not lines or lines[-1].comment is not None:
            lines.append(line)
    return lines


def _apart(code: Sequence[Any]) -> list[Any]:
    """Return statements with two empty lines above the first."""
    return [two_lines_above(code[0]), *code[1:]]


def _one_of(names: Sequence[str]) -> str:
    """Return a comparison with names as Black writes it."""
    if len(names) == 1:
        return f'== "{names[0]}"'
    return "in (" + "".join(f'\n        "{name}",' for name in names) + "\n    )"


def _getattr(module: cst.Module, condition: str, then: Sequence[str]) -> list[Any]:
    """Return the module's `__getattr__`, for whoever takes the name from this module."""
    for node in module.body:
        if isinstance(node, cst.FunctionDef) and node.name.value == "__getattr__":
            raise DoesNotApply("__getattr__: is there already")
    lines = ["def __getattr__(name):", f"    {condition}", *(f"        {line}" for line in then)]
    lines.append('    raise AttributeError("module %r has no attribute %r" % (__name__, name))')
    return _apart(statements("\n".join(lines), module))


def _in_place_of(module: cst.Module, old: Sequence[Any], new: Sequence[Any]) -> cst.Module:
    """Put statements in the place of the last of others, and take those away."""
    body: list[Any] = []
    for node in module.body:
        if node is old[-1]:
            body.extend(new)
        elif not any(node is each for each in old):
            body.append(node)
    following = next((i + 1 for i, node in enumerate(body) if node is new[-1]), len(body))
    if following < len(body) and isinstance(new[-1], cst.FunctionDef):
        body[following] = two_lines_above(body[following])
    return module.with_changes(body=body)
