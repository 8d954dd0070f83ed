"""A test for metaflow that keeps deferred imports deferred."""

from optimizations.edits.source_tree import SourceTree

GUARD = "test/unit/test_import_guard.py"
LIST_START = "NOT_LOADED = [\n"


def guard_import(tree: SourceTree, module: str) -> None:
    """Let metaflow's tests check that `import metaflow` does not load a module.

    Each optimisation that defers an import adds a line; the first one adds the file.
    """
    if GUARD not in tree:
        tree.insert(GUARD)
    start, found, rest = tree.text(GUARD).partition(LIST_START)
    lines, end, rest = rest.partition("]\n")
    tree.write(GUARD, f'{start}{found}{lines}    "{module}",\n{end}{rest}')
