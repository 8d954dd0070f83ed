"""Edits of imports, functions, statements and expressions: what they change, and what they keep."""

import pytest

from optimizations.edits import SourceTree
from optimizations.edits.source_tree import INSERTED
from tests.edits.edited_modules import PATH, diff, module

INSERTABLE = "test/unit/test_import_guard.py"


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("import os", "  # top\n+ import os\n  import sys"),
        ("import selectors", "  import os\n+ import selectors\n  import sys"),
        ("from a import c, d", "- from a import b, d\n+ from a import b, c, d"),
        ("from a import c", "  from a import (\n      b,\n  )\n+ from a import c"),
        ("from .c import c", "  import a\n+ from .c import c\n  from .d import d"),
        ("import abc", "  from __future__ import annotations\n+ import abc\n  import sys"),
    ],
)
def test_an_added_import_sorts_in_and_known_names_are_left_out(statement, text):
    edited, after = diff(f'  """Doc."""\n\n{text}\n\n  X = 1\n')
    for _ in range(2):
        edited.add_import(statement)
        assert edited.source == after


def replacement(a, b):
    """Do it anew."""
    return a - b


@pytest.mark.parametrize("old", ["return a + b", "return a+b  # the old way"])
def test_a_replaced_body_keeps_signature_docstring_and_surroundings(old):
    edited, after = diff(
        f"""
          class C:
              # comment above
              @staticmethod
              def f(a: int, b: int = 2) -> int:
                  '''Keep me.'''
        -         {old}
        +         return a - b

              y  =  2
        """
    )
    # Comments and layout of the old body do not count.
    edited.replace_body("C.f", by=replacement, was={"ecbebb36ab51"})
    assert edited.source == after


def test_one_statement_is_replaced_wherever_it_is_nested():
    edited, after = diff(
        """
          def f(x):
              for i in x:
                  # why
        -         total = one( i,
        -             2)
        +         a = two(i)
        +         total = a
              return  total
        """
    )
    edited.replace_statement(within="f", find="total = one(i, 2)", by="a = two(i)\ntotal = a")
    assert edited.source == after


def test_a_function_in_the_place_of_a_statement_stands_apart_from_the_next():
    edited = module("a.f()\n# What follows.\nx = 1\n")
    edited.replace_statement(within=None, find="a.f()", by="def f():\n    pass\n")
    assert edited.source == "def f():\n    pass\n\n\n# What follows.\nx = 1\n"
    edited.replace_statement(within=None, find="x = 1", by="def x():\n    pass\n")
    assert edited.source.endswith("    pass\n\n\n# What follows.\ndef x():\n    pass\n")


def test_a_statement_is_deleted_with_the_comments_above_it():
    edited = module("a = 1\n\n# Twice.\na = 2\nb = 3\n")
    edited.replace_statement(within=None, find="a = 2", by="")
    assert edited.source == "a = 1\nb = 3\n"
    edited.replace_statement(within=None, find="b = 3", by="# Three.\nb = 4")
    assert edited.source == "a = 1\n# Three.\nb = 4\n"


def test_an_added_definition_stands_before_another():
    edited, after = diff(
        """
          import os


        + class New:
        +     x = 1
        +
        +
          # about f
          def f():
              pass
        """
    )
    edited.add_definition("class New:\n    x = 1\n", before="f")
    assert edited.source == after


EXPRESSIONS = """\
@option(kind=Choice([m.TYPE   for m in
    PLUGINS]))   # odd
def f(a):
    return [m for m in PLUGINS if m.TYPE == a][
        0
    ]  # spacing
"""


@pytest.mark.parametrize(
    ("find", "there"),
    [
        ("[m.TYPE for m in PLUGINS]", "[m.TYPE   for m in\n    PLUGINS]"),
        ("[m for m in PLUGINS if m.TYPE==a]", "[m for m in PLUGINS if m.TYPE == a]"),
    ],
    ids=["in a decorator", "in a statement"],
)
def test_an_expression_is_replaced_whatever_its_layout(find, there):
    edited = module(EXPRESSIONS)
    edited.replace_expression(find, by="names(2)")
    assert edited.source == EXPRESSIONS.replace(there, "names(2)")


def test_an_expression_is_replaced_everywhere():
    edited = module(EXPRESSIONS)
    edited.replace_expression("PLUGINS", by="names(2)", everywhere=True)
    assert edited.source == EXPRESSIONS.replace("PLUGINS", "names(2)")


def test_a_parameter_is_added_as_the_last():
    edited, after = diff(
        """
          class C:
        -     def f(self, a, b  = 1):  # spacing
        +     def f(self, a, b  = 1, c=(1, 2)):  # spacing
                  return a
        """
    )
    edited.add_parameter("C.f", "c=(1, 2)")
    assert edited.source == after


def test_a_tree_reads_lazily_and_knows_what_changed():
    files = {PATH: "import os\n\n\ndef f():\n    return os\n", "metaflow/other.py": "x = 1\n"}
    read = []
    tree = SourceTree(files, lambda path: read.append(path) or files[path])
    assert read == []
    assert tree["metaflow/other.py"].has("x") and not tree["metaflow/other.py"].has("y")
    tree[PATH].defer_import("os")
    for _ in range(2):
        # Two optimisations may need one module; the first adds it.
        tree.insert(INSERTABLE)
    assert tree[INSERTABLE].has("test_import_of_metaflow_does_not_load")
    assert tree.changes() == {
        PATH: "def f():\n    import os\n\n    return os\n",
        INSERTABLE: (INSERTED / INSERTABLE).read_text(),
    }
