"""Edits of expressions and parameters: found once, whatever their layout, and nothing else."""

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


def test_all_of_them_are_replaced_where_that_is_asked_for():
    edited = Module(PATH, SOURCE)
    edited.replace_expression("PLUGINS", by="plugins()", everywhere=True)
    assert edited.source == SOURCE.replace("PLUGINS", "plugins()")
    with pytest.raises(DoesNotApply, match="`OTHERS`: not found"):
        edited.replace_expression("OTHERS", by="x", everywhere=True)


@pytest.mark.parametrize(
    ("find", "reason"), [("[m for m in OTHERS]", "not found"), ("PLUGINS", "found 2 times")]
)
def test_an_expression_that_is_not_there_once_is_refused(find, reason):
    with pytest.raises(DoesNotApply, match=rf"^{PATH}: `.*`: {reason}$"):
        Module(PATH, SOURCE).replace_expression(find, by="x")


FUNCTIONS = """\
class C:
    def f(self, a, b  = 1):  # spacing
        return a

def g(a, *, b): pass
"""


def test_a_parameter_is_added_as_the_last():
    edited = Module(PATH, FUNCTIONS)
    edited.add_parameter("C.f", "c=(1, 2)")
    assert edited.source == FUNCTIONS.replace("b  = 1)", "b  = 1, c=(1, 2))")


@pytest.mark.parametrize(
    ("name", "parameter", "reason"),
    [
        ("C.f", "a=0", "C.f: takes a already"),
        ("g", "c=0", "g: its last parameter is not positional"),
        ("C", "c=0", "C: not a function"),
        ("h", "c=0", "h: not found"),
    ],
)
def test_a_parameter_that_can_not_be_added_is_refused(name, parameter, reason):
    with pytest.raises(DoesNotApply, match=rf"^{PATH}: {reason}$"):
        Module(PATH, FUNCTIONS).add_parameter(name, parameter)


def test_a_parameter_needs_a_default():
    with pytest.raises(TypeError, match="needs a default"):
        Module(PATH, FUNCTIONS).add_parameter("C.f", "c")
