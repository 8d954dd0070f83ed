"""The vocabulary of an optimisation: what it says about itself, and what it may do to metaflow.

New code is an ordinary function or class of the optimisation's module. It uses the names of the
module that it goes into, so our linter does not look for undefined names there. A new module lies
in `optimizations/inserted`, at its path in metaflow, and is inserted as it stands.
"""

from optimizations.edits.errors import DoesNotApply
from optimizations.edits.import_guard import guard_import
from optimizations.edits.optimization import Claim, Optimization, Target, load
from optimizations.edits.source_tree import SourceTree

__all__ = ["Claim", "DoesNotApply", "Optimization", "SourceTree", "Target", "guard_import", "load"]
