"""Edits of imports: adding one at the top of a module, and what imports are made of."""

from collections.abc import Sequence
from typing import Any, cast

import libcst as cst

from optimizations.edits.errors import DoesNotApply

Import = cst.Import | cst.ImportFrom
# Of Black, as metaflow uses it.
LINE_LENGTH = 88


def add_import(module: cst.Module, statement: str) -> cst.Module:
    """Add an import at the top of a module; see `Module.add_import`."""
    new = cast(cst.SimpleStatementLine, cst.parse_statement(statement))
    wanted = new.body[0]
    if not isinstance(wanted, cst.Import | cst.ImportFrom):
        raise TypeError(f"not an import: {statement}")
    present = {
        code_of(single(existing, alias))
        for line in module.body
        if isinstance(line, cst.SimpleStatementLine)
        for existing in line.body
        if isinstance(existing, cst.Import | cst.ImportFrom)
        for alias in aliases_of(existing)
    }
    missing = [
        alias for alias in aliases_of(wanted) if code_of(single(wanted, alias)) not in present
    ]
    if not missing:
        return module
    new = new.with_changes(body=[with_aliases(wanted, missing)])
    body = list(module.body)
    for place, line in enumerate(body):
        joined = _joined(line, new)
        if joined is not None:
            body[place] = joined
            return module.with_changes(body=body)
    start = _first_like(body, new)
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


def _joined(line: Any, new: cst.SimpleStatementLine) -> cst.SimpleStatementLine | None:
    """Return an import with the names of a new one too; None where one line doesn't hold both."""
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1:
        return None
    old, added = line.body[0], new.body[0]
    if not isinstance(old, cst.ImportFrom) or not isinstance(added, cst.ImportFrom):
        return None
    of_old, of_new = (code_of(each).partition(" import ")[0] for each in (old, added))
    if of_old != of_new or old.lpar is not None or not aliases_of(old):
        return None
    names = [code_of(single(old, alias)) for alias in aliases_of(old)]
    aliases = [*aliases_of(old), *aliases_of(added)]
    if names == sorted(names):
        aliases.sort(key=lambda alias: alias.evaluated_name)
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    aliases = [alias.with_changes(comma=comma) for alias in aliases]
    joined = line.with_changes(body=[with_aliases(old, aliases)])
    text = code_of(joined.with_changes(leading_lines=())).rstrip()
    return joined if len(text) <= LINE_LENGTH else None


def _first_like(body: Sequence[Any], new: cst.CSTNode) -> int | None:
    """Find the import to put a new one beside: of the package's own, if it is one, else any."""
    found = [i for i, line in enumerate(body) if _is_plain_import(line)]
    for start in _OWN:
        if code_of(new).startswith(start):
            own = [i for i in found if code_of(body[i]).strip().startswith(start)]
            return next(iter([*own, *found]), None)
    return next(iter(found), None)


_OWN = ("from .", "from metaflow.")


def _leading_lines(node: Any) -> Sequence[cst.EmptyLine]:
    return cast(Sequence[cst.EmptyLine], node.leading_lines)


def _sort_key(line: cst.CSTNode) -> tuple[bool, str]:
    text = code_of(line).strip()
    return not text.startswith("import"), text.split()[1]


def code_of(node: cst.CSTNode) -> str:
    """Return the source of a node."""
    return cst.Module([]).code_for_node(node)


def is_import(statement: cst.CSTNode) -> bool:
    """Tell whether a statement is an import."""
    return isinstance(statement, cst.Import | cst.ImportFrom)


def _is_plain_import(line: cst.CSTNode) -> bool:
    if not isinstance(line, cst.SimpleStatementLine) or not is_import(line.body[0]):
        return False
    return not code_of(line.body[0]).startswith("from __future__")


def aliases_of(statement: Import) -> Sequence[cst.ImportAlias]:
    """List what an import names; nothing for a star."""
    return () if isinstance(statement.names, cst.ImportStar) else statement.names


def bound_name(alias: cst.ImportAlias) -> str:
    """Return the name that an import binds: `c` of `a.b as c`, `a` of `a.b`."""
    return alias.evaluated_alias or alias.evaluated_name.split(".")[0]


def with_aliases(statement: Import, aliases: Sequence[cst.ImportAlias]) -> Import:
    """Return the import with other names."""
    tidy = [*aliases[:-1], aliases[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]
    if isinstance(statement, cst.ImportFrom) and statement.lpar is not None:
        tidy[-1] = aliases[-1]
    return statement.with_changes(names=tidy)


def single(statement: Import, alias: cst.ImportAlias) -> Import:
    """Return the same import with one name alone, on one line."""
    bare = alias.with_changes(comma=cst.MaybeSentinel.DEFAULT)
    changes: dict[str, Any] = {"names": [bare], "semicolon": cst.MaybeSentinel.DEFAULT}
    if isinstance(statement, cst.ImportFrom):
        changes |= {"lpar": None, "rpar": None}
    return statement.with_changes(**changes)
