"""Moving an import from the top of a module into the functions that use it."""

import re
from collections.abc import Callable, Sequence
from typing import Any

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

from optimizations.edits.errors import DoesNotApply
from optimizations.edits.source_definitions import exchange
from optimizations.edits.source_imports import (
    Import,
    aliases_of,
    bound_name,
    code_of,
    is_import,
    single,
    with_aliases,
)

SCRIPT = '__name__ == "__main__"'


def defer_import(module: cst.Module, name: str) -> cst.Module:
    """Move a top-level import into the functions that use it; see `Module.defer_import`."""
    line, statement, alias = _top_level_import(module, name)
    moved = cst.SimpleStatementLine([single(statement, alias)])
    changed = _with_line(module, _uses(module, name, bound_name(alias)), name, moved)
    return _without_import(changed, line, statement, alias)


def _with_line(
    module: cst.Module, uses: list[Access], name: str, line: cst.SimpleStatementLine
) -> cst.Module:
    replacements: dict[cst.CSTNode, Sequence[Any]] = {}
    for function, nodes in _by_function(module, uses, name):
        # A clone for each place: the analysis of a later edit must not meet one node twice.
        replacements[function] = [
            _with_import(function, {id(node) for node in nodes}, line.deep_clone())
        ]
    return exchange(module, replacements)


def _top_level_import(
    module: cst.Module, name: str
) -> tuple[cst.SimpleStatementLine, Import, cst.ImportAlias]:
    found = [
        (line, statement, alias)
        for line in module.body
        if isinstance(line, cst.SimpleStatementLine)
        for statement in line.body
        if isinstance(statement, cst.Import | cst.ImportFrom)
        for alias in aliases_of(statement)
        if name in (bound_name(alias), alias.evaluated_name)
        or name.split(".")[0] == bound_name(alias)
    ]
    if len(found) != 1:
        how = "not found" if not found else f"found {len(found)} times"
        raise DoesNotApply(f"import of {name} at the top level: {how}")
    return found[0]


def _uses(module: cst.Module, name: str, bound: str) -> list[Access]:
    # The analysis is slow: give it only the statements that contain the name.
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
        if not access.referents and re.match(rf"{re.escape(bound)}\b", code_of(access.node))
    ]
    if unresolved:
        raise DoesNotApply(
            f"{name}: used as `{code_of(unresolved[0].node)}`, which is not followed"
        )
    accesses = list({id(use): use for each in assignments for use in each.references}.values())
    for access in accesses:
        if access.is_annotation or access.is_type_hint:
            raise DoesNotApply(f"{name}: used in an annotation")
    return accesses


def _mentioning(body: Sequence[Any], word: re.Pattern[str]) -> list[Any]:
    """Leave out the statements of a module and of its classes in which `word` does not occur."""
    found: list[Any] = []
    for node in body:
        if not word.search(code_of(node)):
            continue
        if isinstance(node, cst.ClassDef):
            members = _mentioning(node.body.body, word)
            node = node.with_changes(body=node.body.with_changes(body=members))
        found.append(node)
    return found


def _by_function(
    module: cst.Module, uses: list[Access], name: str
) -> list[tuple[Any, list[cst.CSTNode]]]:
    """Group by the outermost functions that use the name: each with the places where it does.

    What a module does as a script, which is no part of loading it, counts as a function.
    """
    scripts = [
        node for node in module.body if isinstance(node, cst.If) and SCRIPT in code_of(node.test)
    ]
    functions: dict[int, tuple[Any, list[cst.CSTNode]]] = {}
    for access in uses:
        script = next((each for each in scripts if _holds(each, {id(access.node)})), None)
        enclosing: cst.FunctionDef | cst.If | None = script
        outermost: Scope = access.scope
        for scope in _outwards(access.scope) if script is None else ():
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
        header = () if function in scripts else _header(function)
        if any(_holds(part, {id(node) for node in nodes}) for part in header):
            raise DoesNotApply(f"{name}: used in the signature of {function.name.value}")
    return list(functions.values())


def _header(function: cst.FunctionDef) -> list[cst.CSTNode | None]:
    """List what is evaluated when the function is defined, not when it is called."""
    return [*function.decorators, function.params, function.returns]


def _outwards(scope: Scope) -> list[Scope]:
    chain = [scope]
    while chain[-1].parent is not chain[-1] and not isinstance(chain[-1], GlobalScope):
        chain.append(chain[-1].parent)
    return chain


class _Search(cst.CSTVisitor):
    # What is defined inside is only looked at if `deep`.
    def __init__(self, matches: Callable[[cst.CSTNode], bool], deep: bool) -> None:
        super().__init__()
        self._matches, self._deep = matches, deep
        self.found = False

    def on_visit(self, node: cst.CSTNode) -> bool:
        self.found = self.found or self._matches(node)
        is_definition = isinstance(node, cst.FunctionDef | cst.ClassDef)
        return not self.found and (self._deep or not is_definition)


def _holds(node: cst.CSTNode | None, wanted: set[int]) -> bool:
    return _has(node, lambda part: id(part) in wanted, deep=True)


def _may_leave_block(statement: cst.CSTNode) -> bool:
    exits = cst.Return | cst.Raise | cst.Yield
    return _has(statement, lambda part: isinstance(part, exits), deep=False)


def _has(node: cst.CSTNode | None, matches: Callable[[cst.CSTNode], bool], deep: bool) -> bool:
    search = _Search(matches, deep)
    if node is not None:
        node.visit(search)
    return search.found


def _with_import(node: Any, wanted: set[int], line: cst.SimpleStatementLine) -> Any:
    """Put the import into a function, `if` or `else`, at the start of its block.

    If a statement before the first use may leave the block, put it right before that use.
    """
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
        if not any(_may_leave_block(statement) for statement in statements[:first]):
            first = int(isinstance(node, cst.FunctionDef) and bool(node.get_docstring()))
        statements[first : first + 1] = _put_before(statements[first], line)
        if first == 0:
            statements[0] = statements[0].with_changes(leading_lines=())
    return node.with_changes(body=block.with_changes(body=statements))


def _put_before(statement: Any, line: cst.SimpleStatementLine) -> list[Any]:
    """Return the import, a blank line, then the statement with the comments above it."""
    below = list(statement.leading_lines)
    above = []
    while below and below[0].comment is None:
        above.append(below.pop(0))
    if not isinstance(statement, cst.SimpleStatementLine) or not is_import(statement.body[0]):
        below.insert(0, cst.EmptyLine(indent=False))
    return [line.with_changes(leading_lines=above), statement.with_changes(leading_lines=below)]


def _into_branch(statement: Any, wanted: set[int], line: cst.SimpleStatementLine) -> Any:
    """Put the import into the one branch that needs it; None where that won't do.

    Never into a loop (it would run each time), a `try` (it would catch a failing import) nor a
    `with` (what it holds would be held longer).
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
    if isinstance(statement, cst.FunctionDef):
        outside = any(_holds(part, wanted) for part in _header(statement))
        return None if outside else _with_import(statement, wanted, line)
    return None


def _without_import(
    module: cst.Module, line: cst.SimpleStatementLine, statement: Import, alias: cst.ImportAlias
) -> cst.Module:
    others = [other for other in aliases_of(statement) if other is not alias]
    small: list[Any] = [other for other in line.body if other is not statement]
    body: list[Any] = list(module.body)
    place = body.index(line)
    if others:
        small.insert(list(line.body).index(statement), with_aliases(statement, others))
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
