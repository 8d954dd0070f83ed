"""Values made at first use: by those who use them, or by the list that stands for them."""

import types
from unittest import mock

import pytest

from tests.edits.edited_modules import PATH, diff, module

ALONE = """
- if sys.version_info >= (3, 8):
-     from importlib import metadata
- else:
-     from vendored import metadata
+
+ def _make_metadata():
+     if sys.version_info >= (3, 8):
+         from importlib import metadata
+     else:
+         from vendored import metadata
+     return metadata
"""
# Inside a function, `supported` would be another one: the module's would stay False.
BESIDE_ANOTHER = """
  # Not everywhere.
  if sys.version_info >= (3, 4):
      import importlib.util

-     from importlib import metadata
      supported = True
+
+
+ def _make_metadata():
+     if sys.version_info >= (3, 4):
+         from importlib import metadata
+     return metadata
"""
MADE_BY_USERS = """\
+
+
+ def __getattr__(name):
+     if name == "metadata":
+         return _make_metadata()
+     raise AttributeError("module %r has no attribute %r" % (__name__, name))


  def names(wanted):
      if not wanted:
          return []
+     metadata = _make_metadata()
+
      return [each.name for each in metadata.distributions()]
"""


@pytest.mark.parametrize("made", [ALONE, BESIDE_ANOTHER], ids=["alone", "beside another"])
def test_a_value_made_in_one_of_several_ways_is_made_by_its_users(made):
    edited, after = diff(f"  import sys\n{made}{MADE_BY_USERS}")
    edited.defer_value("metadata")
    assert edited.source == after


def test_a_list_is_made_by_the_statements_that_made_it():
    edited, after = diff(
        """
          import os
        -
        - # All of them.
        - from .cards import Blank
          from .cards import merge
          from .lazy import LazyList

        - CARDS = [Blank,  Blank]
        - merge(CARDS, [])
        +
        + def _make_cards():
        +     global Blank
        +     # All of them.
        +     from .cards import Blank
        +
        +     CARDS = [Blank,  Blank]
        +     merge(CARDS, [])
        +     return CARDS
        +
        +
        + CARDS = LazyList(_make_cards)
        +
        +
        + def __getattr__(name):
        +     if name == "Blank":
        +         len(CARDS)
        +         if name in globals():
        +             return globals()[name]
        +     raise AttributeError("module %r has no attribute %r" % (__name__, name))


          def other():
              return merge, CARDS
        """
    )
    edited.make_at_first_use("CARDS", wrapper="LazyList")
    assert edited.source == after


def test_a_list_that_needs_no_import_adds_no_getattr():
    edited = module("from lazy import LazyList\nNAMES = []\ny = 2\n")
    edited.make_at_first_use("NAMES", wrapper="LazyList")
    maker = "\n\ndef _make_names():\n    NAMES = []\n    return NAMES\n"
    made = f"{maker}\n\nNAMES = LazyList(_make_names)\n"
    assert edited.source == f"from lazy import LazyList\n{made}y = 2\n"


def test_what_the_making_imports_is_still_found_in_the_module_and_can_be_patched():
    edited = module(
        "from optimizations.inserted.metaflow.lazy_loading import LazyList\n"
        "from os import sep as Blank\nCARDS = [Blank, Blank]\n"
    )
    edited.make_at_first_use("CARDS", wrapper="LazyList")
    example = types.ModuleType("example")
    exec(compile(edited.source, PATH, "exec"), vars(example))
    assert "Blank" not in vars(example)
    for _ in range(2):
        with mock.patch.object(example, "Blank", "another"):
            assert example.Blank == "another"
        assert example.Blank == "/"
    assert example.CARDS == ["/", "/"]
    with mock.patch.object(example, "nonesuch", 1, create=True):
        assert example.nonesuch == 1
    with pytest.raises(AttributeError, match="module 'example' has no attribute 'nonesuch'"):
        _ = example.nonesuch
    del example.Blank
    assert not hasattr(example, "Blank")


def test_a_class_attribute_is_made_by_the_statements_that_made_it():
    edited, after = diff(
        """
          class C:
              a = 1

              # about made
        -     made = heavy.make(2)
        -     made.tune(made=3)
        +     @Lazy
        +     def made():
        +         made = heavy.make(2)
        +         made.tune(made=3)
        +         return made

              b = 2
        """
    )
    edited.make_attribute_at_first_use("C.made", decorator="Lazy")
    assert edited.source == after
