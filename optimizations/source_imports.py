"""Edits of imports: from one module to the next."""

import re
from collections.abc import Sequence
from typing import Any, cast

import libcst as cst
from libcst.metadata import (
    Access,
    Assignment,
    ClassScope,
    FunctionScope,
    GlobalScope,
    MetadataWrapper,
    Scope,
    ScopeProvider,
)

from optimizations.errors import DoesNotApply
from optimizations.source_definitions import exchange

Import = cst.Import | cst.ImportFrom


def defer_import(module: cst.Module, name: str) -> cst.Module:
    """Move a top-level import into the functions that use it; see `Module.defer_import`."""
    line, statement, alias = _top_level_import(module, name)
    uses = _uses(module, name, _bound_name(alias))
    # A clone for each place: the analysis of a later edit must not meet one node twice.
    moved = cst.SimpleStatementLine([_single(statement, alias)])
    replacements: dict[cst.CSTNode, Sequence[Any]] = {}
    for function, nodes in _by_function(uses, name):
        replacements[function] = [
            _with_import(function, {id(node) for node in nodes}, moved.deep_clone())
        ]
    return _without_import(exchange(module, replacements), line, statement, alias)


def add_import(module: cst.Module, statement: str) -> cst.Module:
    """Add an import at the top of a module; see `Module.add_import`."""
    new = cast(cst.SimpleStatementLine, cst.parse_statement(statement))
    wanted = new.body[0]
    if not isinstance(wanted, cst.Import | cst.ImportFrom):
        raise TypeError(f"not an import: {statement}")
    present = {
        _code(_single(existing, alias))
        for line in module.body
        if isinstance(line, cst.SimpleStatementLine)
        for existing in line.body
        if isinstance(existing, cst.Import | cst.ImportFrom)
        for alias in _aliases(existing)
    }
    missing = [alias for alias in _aliases(wanted) if _code(_single(wanted, alias)) not in present]
    if not missing:
        return module
    new = new.with_changes(body=[_with_aliases(wanted, missing)])
    body = list(module.body)
    start = next((i for i, line in enumerate(body) if _is_plain_import(line)), None)
    if start is None:
        raise DoesNotApply(f"{statement}: no import at the top to put it beside")
    end = start + 1
    while end < len(body) and _is_plain_import(body[end]) and not _leading_lines(body[end]):
        end += 1
    place = next((i for i in range(start, end) if _sort_key(body[i]) > _sort_key(new)), end)
    if place == start:
        # The blank lines and comments above the first import stay above the new first one.
        first = cast(cst.SimpleStatementLine, body[start])
        new = new.with_changes(leading_lines=first.leading_lines)
        body[start] = first.with_changes(leading_lines=())
    body.insert(place, new)
    return module.with_changes(body=body)


def _leading_lines(node: Any) -> Sequence[cst.EmptyLine]:
    return cast(Sequence[cst.EmptyLine], node.leading_lines)


def _sort_key(line: cst.CSTNode) -> tuple[bool, str]:
    text = _code(line).strip()
    return not text.startswith("import"), text.split()[1]


def _code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def _is_import(statement: cst.CSTNode) -> bool:
    return isinstance(statement, cst.Import | cst.ImportFrom)


def _is_plain_import(line: cst.CSTNode) -> bool:
    if not isinstance(line, cst.SimpleStatementLine) or not _is_import(line.body[0]):
        return False
    return not _code(line.body[0]).startswith("from __future__")


def _aliases(statement: Import) -> Sequence[cst.ImportAlias]:
    return () if isinstance(statement.names, cst.ImportStar) else statement.names


def _bound_name(alias: cst.ImportAlias) -> str:
    """Return the name that an import binds: `c` of `a.b as c`, `a` of `a.b`."""
    return alias.evaluated_alias or alias.evaluated_name.split(".")[0]


def _with_aliases(statement: Import, aliases: Sequence[cst.ImportAlias]) -> Import:
    tidy = [*aliases[:-1], aliases[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]
    if isinstance(statement, cst.ImportFrom) and statement.lpar is not None:
        tidy[-1] = aliases[-1]
    return statement.with_changes(names=tidy)


def _single(statement: Import, alias: cst.ImportAlias) -> Import:
    """Return the same import with one name alone, on one line."""
    bare = alias.with_changes(comma=cst.MaybeSentinel.DEFAULT)
    changes: dict[str, Any] = {"names": [bare], "semicolon": cst.MaybeSentinel.DEFAULT}
    if isinstance(statement, cst.ImportFrom):
        changes |= {"lpar": None, "rpar": None}
    return statement.with_changes(**changes)


def _top_level_import(
    module: cst.Module, name: str
) -> tuple[cst.SimpleStatementLine, Import, cst.ImportAlias]:
    found = [
        (line, statement, alias)
        for line in module.body
        if isinstance(line, cst.SimpleStatementLine)
        for statement in line.body
        if isinstance(statement, cst.Import | cst.ImportFrom)
        for alias in _aliases(statement)
        if name in (_bound_name(alias), alias.evaluated_name)
        or name.split(".")[0] == _bound_name(alias)
    ]
    if len(found) != 1:
        how = "not found" if not found else f"found {len(found)} times"
        raise DoesNotApply(f"import of {name} at the top level: {how}")
    return found[0]


def _uses(module: cst.Module, name: str, bound: str) -> list[Access]:
    # The analysis walks slowly: it gets only the statements in which the name occurs at all.
    word = re.compile(rf"\b{re.escape(bound)}\b")
    relevant = module.with_changes(body=_mentioning(module.body, word))
    resolved = MetadataWrapper(relevant, unsafe_skip_copy=True).resolve(ScopeProvider)
    scopes = {scope for scope in resolved.values() if scope is not None}
    top = next(scope for scope in scopes if isinstance(scope, GlobalScope))
    # `import a.b` counts as two, `a` and `a.b`, made by one statement.
    assignments = [
        each
        for each in top.assignments
        if isinstance(each, Assignment) and each.name.split(".")[0] == bound
    ]
    makers = len({id(each.node) for each in assignments})
    if makers != 1:
        raise DoesNotApply(f"{name}: its name is given a value {makers} times")
    unresolved = [
        access
        for scope in scopes
        for access in scope.accesses
        if not access.referents and re.match(rf"{re.escape(bound)}\b", _code(access.node))
    ]
    if unresolved:
        raise DoesNotApply(f"{name}: used as `{_code(unresolved[0].node)}`, which is not followed")
    accesses = list({id(use): use for each in assignments for use in each.references}.values())
    for access in accesses:
        if access.is_annotation or access.is_type_hint:
            raise DoesNotApply(f"{name}: used in an annotation")
    return accesses


def _mentioning(body: Sequence[Any], word: re.Pattern[str]) -> list[Any]:
    """Leave out the statements of a module and of its classes in which `word` does not occur."""
    found: list[Any] = []
    for node in body:
        if not word.search(_code(node)):
            continue
        if isinstance(node, cst.ClassDef):
            members = _mentioning(node.body.body, word)
            node = node.with_changes(body=node.body.with_changes(body=members))
        found.append(node)
    return found


def _by_function(uses: list[Access], name: str) -> list[tuple[cst.FunctionDef, list[cst.CSTNode]]]:
    """Group by the outermost functions that use the name: each with the places where it does."""
    functions: dict[int, tuple[cst.FunctionDef, list[cst.CSTNode]]] = {}
    for access in uses:
        enclosing: cst.FunctionDef | None = None
        outermost: Scope = access.scope
        for scope in _outwards(access.scope):
            if isinstance(scope, FunctionScope) and isinstance(scope.node, cst.FunctionDef):
                enclosing = scope.node
            outermost = scope if not isinstance(scope, GlobalScope) else outermost
        if enclosing is None:
            where = (
                "a class body" if isinstance(outermost, ClassScope) else "the module's top level"
            )
            raise DoesNotApply(f"{name}: used while the module loads, in {where}")
        functions.setdefault(id(enclosing), (enclosing, []))[1].append(access.node)
    for function, nodes in functions.values():
        if any(_holds(part, {id(node) for node in nodes}) for part in _header(function)):
            raise DoesNotApply(f"{name}: used in the signature of {function.name.value}")
    return list(functions.values())


def _header(function: cst.FunctionDef) -> list[cst.CSTNode]:
    """List what is evaluated when the function is defined, not when it is called."""
    parts: list[cst.CSTNode] = [*function.decorators, function.params]
    return parts if function.returns is None else [*parts, function.returns]


def _outwards(scope: Scope) -> list[Scope]:
    chain = [scope]
    while chain[-1].parent is not chain[-1] and not isinstance(chain[-1], GlobalScope):
        chain.append(chain[-1].parent)
    return chain


class _Search(cst.CSTVisitor):
    def __init__(self, wanted: set[int]) -> None:
        super().__init__()
        self._wanted = wanted
        self.found = False

    def on_visit(self, node: cst.CSTNode) -> bool:
        self.found = self.found or id(node) in self._wanted
        return not self.found


def _holds(node: cst.CSTNode | None, wanted: set[int]) -> bool:
    if node is None:
        return False
    search = _Search(wanted)
    node.visit(search)
    return search.found


def _with_import(node: Any, wanted: set[int], line: cst.SimpleStatementLine) -> Any:
    """Put the import into a function, `if`, `else` or `with`, before the first use in its block."""
    block = node.body
    if isinstance(block, cst.SimpleStatementSuite):
        only = cst.SimpleStatementLine(block.body, trailing_whitespace=block.trailing_whitespace)
        return node.with_changes(body=cst.IndentedBlock([line, only]))
    statements = list(block.body)
    users = [i for i, statement in enumerate(statements) if _holds(statement, wanted)]
    first = users[0]
    inner = _into_branch(statements[first], wanted, line) if len(users) == 1 else None
    if inner is not None:
        statements[first] = inner
    else:
        statements[first : first + 1] = _put_before(statements[first], line)
    return node.with_changes(body=block.with_changes(body=statements))


def _put_before(statement: Any, line: cst.SimpleStatementLine) -> list[Any]:
    """Return the import, a blank line, then the statement with the comments above it."""
    below = list(statement.leading_lines)
    above = []
    while below and below[0].comment is None:
        above.append(below.pop(0))
    if not isinstance(statement, cst.SimpleStatementLine) or not _is_import(statement.body[0]):
        below.insert(0, cst.EmptyLine(indent=False))
    return [line.with_changes(leading_lines=above), statement.with_changes(leading_lines=below)]


def _into_branch(statement: Any, wanted: set[int], line: cst.SimpleStatementLine) -> Any:
    """Put the import into the one branch that needs it; None where that won't do.

    Never into a loop (it would run each time) nor a `try` (it would catch a failing import).
    """
    if isinstance(statement, cst.If):
        if _holds(statement.test, wanted):
            return None
        in_body, in_else = _holds(statement.body, wanted), _holds(statement.orelse, wanted)
        if in_body and not in_else and isinstance(statement.body, cst.IndentedBlock):
            return _with_import(statement, wanted, line)
        if in_else and not in_body:
            if isinstance(statement.orelse, cst.If):
                other = _into_branch(statement.orelse, wanted, line)
            else:
                other = _with_import(statement.orelse, wanted, line)
            return None if other is None else statement.with_changes(orelse=other)
        return None
    if isinstance(statement, cst.With) and isinstance(statement.body, cst.IndentedBlock):
        outside = any(_holds(item, wanted) for item in statement.items)
        return None if outside else _with_import(statement, wanted, line)
    if isinstance(statement, cst.FunctionDef):
        outside = any(_holds(part, wanted) for part in _header(statement))
        return None if outside else _with_import(statement, wanted, line)
    return None


def _without_import(
    module: cst.Module, line: cst.SimpleStatementLine, statement: Import, alias: cst.ImportAlias
) -> cst.Module:
    others = [other for other in _aliases(statement) if other is not alias]
    small: list[Any] = [other for other in line.body if other is not statement]
    body: list[Any] = list(module.body)
    place = body.index(line)
    if others:
        small.insert(list(line.body).index(statement), _with_aliases(statement, others))
    if small:
        small[-1] = small[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
        body[place] = line.with_changes(body=small)
        return module.with_changes(body=body)
    del body[place]
    if place < len(body):
        follower = body[place]
        comments = [empty for empty in line.leading_lines if empty.comment is not None]
        kept = comments if follower.leading_lines else list(line.leading_lines)
        lines = [*kept, *follower.leading_lines]
        while place == 0 and not module.header and lines and lines[0].comment is None:
            lines.pop(0)
        body[place] = follower.with_changes(leading_lines=lines)
    return module.with_changes(body=body)
