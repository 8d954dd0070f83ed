"""Change nothing: the control of the series.

This commit holds the same files as the release below it. It is measured like the others, so that
each comparison shows how much two measurements of one and the same code differ. A difference that
the control shows too is noise. It is no part of a pull request.
"""

from optimizations.edits.source_tree import SourceTree


def apply(tree: SourceTree) -> None:
    """Leave the tree as it is."""
