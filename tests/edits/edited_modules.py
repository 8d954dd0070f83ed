"""A module to edit, and a diff that says what an edit does to it."""

import textwrap

from optimizations.edits.source_edits import Module

PATH = "metaflow/example.py"


def module(source):
    return Module(PATH, source)


def diff(text):
    """Return the module of the lines that do not begin with "+", and the source without "-"."""
    lines = textwrap.dedent(text).strip("\n").splitlines()
    before, after = (
        "".join(f"{line[2:]}\n" for line in lines if line[:1] != other) for other in "+-"
    )
    return module(before), after
