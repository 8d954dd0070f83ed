"""What one optimisation is."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass

from optimizations.source_tree import SourceTree


@dataclass(frozen=True)
class Optimization:
    """One change of metaflow: its module's name, its text and how to make it."""

    name: str
    text: str
    apply: Callable[[SourceTree], None]

    @property
    def title(self) -> str:
        """The first line of its text, without the full stop."""
        return self.text.partition("\n")[0].rstrip(".")

    @property
    def body(self) -> str:
        """All of its text but the first line."""
        return self.text.partition("\n")[2].strip()


def load(name: str) -> Optimization:
    """Load the optimisation in the module `optimizations.<name>`."""
    module = importlib.import_module(f"optimizations.{name}")
    return Optimization(name, inspect.cleandoc(module.__doc__ or name), module.apply)
