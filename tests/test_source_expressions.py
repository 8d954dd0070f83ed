"""Replacing an expression: found whatever its layout, once, and nothing else touched."""

import pytest

from optimizations.errors import DoesNotApply
from optimizations.source_edits import Module

PATH = "metaflow/example.py"
SOURCE = """\
@option(kind=Choice([m.TYPE   for m in
    PLUGINS]))   # odd
def f(a):
    return [m for m in PLUGINS if m.TYPE == a][
        0
    ]  # spacing
"""


def test_what_stands_in_a_decorator_is_replaced():
    edited = Module(PATH, SOURCE)
    edited.replace_expression("[m.TYPE for m in PLUGINS]", by="names(PLUGINS)")
    assert edited.source == SOURCE.replace("[m.TYPE   for m in\n    PLUGINS]", "names(PLUGINS)")


def test_what_stands_in_a_statement_is_replaced():
    edited = Module(PATH, SOURCE)
    edited.replace_expression("[m for m in PLUGINS if m.TYPE == a]", by="named(PLUGINS, a)")
    changed = SOURCE.replace("[m for m in PLUGINS if m.TYPE == a]", "named(PLUGINS, a)")
    assert edited.source == changed


@pytest.mark.parametrize(
    ("find", "reason"), [("[m for m in OTHERS]", "not found"), ("PLUGINS", "found 2 times")]
)
def test_an_expression_that_is_not_there_once_is_refused(find, reason):
    with pytest.raises(DoesNotApply, match=rf"^{PATH}: `.*`: {reason}$"):
        Module(PATH, SOURCE).replace_expression(find, by="x")
