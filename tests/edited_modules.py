"""A module of source to edit, and a look at what came of it."""

import textwrap

from optimizations.source_edits import Module

PATH = "metaflow/example.py"


def module(source, importers=lambda name: []):
    return Module(PATH, textwrap.dedent(source).lstrip("\n"), importers)


def expect(edited, source):
    assert edited.source == textwrap.dedent(source).lstrip("\n")
