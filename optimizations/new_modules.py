"""Modules that an optimisation adds to metaflow."""

import re
from pathlib import Path

from optimizations.source_tree import SourceTree

LAZY_LOADING = "metaflow/lazy_loading.py"
# What our own linters need to be told, and metaflow's need not.
_FOR_OUR_LINTERS = re.compile(r"^# metaflow supports Python 3\.8.*\n(# ruff: .*\n)+", re.MULTILINE)


def source_of(name: str) -> str:
    """Return the text of a module of this folder as it goes into metaflow."""
    path = Path(__file__).with_name(f"{name}.py")
    return _FOR_OUR_LINTERS.sub("", path.read_text(encoding="utf-8"))


def add_lazy_loading(tree: SourceTree) -> None:
    """Add the module of lazy lists, dicts and modules, unless an earlier optimisation did."""
    if LAZY_LOADING not in tree:
        tree.add_module(LAZY_LOADING, source_of("lazy_loading"))
