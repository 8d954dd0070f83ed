"""Values made at first use: by those who use them, or by the list that stands for them."""

import textwrap
import types
from unittest import mock

import pytest

from optimizations.errors import DoesNotApply
from tests.edited_modules import expect, module


def test_a_value_imported_in_one_of_several_ways_is_made_by_its_users():
    edited = module(
        """
        import sys

        if sys.version_info >= (3, 8):
            from importlib import metadata
        else:
            from vendored import metadata


        def names(wanted):
            if not wanted:
                return []
            return [each.name for each in metadata.distributions()]
        """
    )
    edited.defer_value("metadata")
    expect(
        edited,
        """
        import sys


        def _make_metadata():
            if sys.version_info >= (3, 8):
                from importlib import metadata
            else:
                from vendored import metadata
            return metadata


        def __getattr__(name):
            if name == "metadata":
                return _make_metadata()
            raise AttributeError("module %r has no attribute %r" % (__name__, name))


        def names(wanted):
            if not wanted:
                return []
            metadata = _make_metadata()

            return [each.name for each in metadata.distributions()]
        """,
    )


def test_what_stands_beside_a_value_stays_where_it_is():
    """Inside a function, `supported` would be another one: the module's would stay False."""
    edited = module(
        """
        supported = False

        # Not everywhere.
        if sys.version_info >= (3, 4):
            import importlib.util

            if sys.version_info >= (3, 8):
                from importlib import metadata
            else:
                from vendored import metadata
            supported = True


        def names():
            return metadata.distributions() if supported else importlib.util
        """
    )
    edited.defer_value("metadata")
    expect(
        edited,
        """
        supported = False

        # Not everywhere.
        if sys.version_info >= (3, 4):
            import importlib.util

            supported = True


        def _make_metadata():
            if sys.version_info >= (3, 4):
                if sys.version_info >= (3, 8):
                    from importlib import metadata
                else:
                    from vendored import metadata
            return metadata


        def __getattr__(name):
            if name == "metadata":
                return _make_metadata()
            raise AttributeError("module %r has no attribute %r" % (__name__, name))


        def names():
            metadata = _make_metadata()

            return metadata.distributions() if supported else importlib.util
        """,
    )


LISTED = """
    import os

    # All of them.
    from .cards import Blank
    from .cards import merge
    from .lazy import LazyList

    CARDS = [
        Blank,
        Blank,
    ]
    merge(CARDS, [])


    def other():
        return merge, CARDS
"""


def test_a_maker_stands_apart_from_what_is_above_it():
    edited = module("from lazy import LazyList\nx = 1\nNAMES = [x]\ny = 2\n")
    edited.make_at_first_use("NAMES", wrapper="LazyList")
    assert "\nx = 1\n\n\ndef _make_names():\n    NAMES = [x]\n    return NAMES\n" in edited.source


def test_a_list_is_made_by_the_statements_that_made_it():
    edited = module(LISTED)
    edited.make_at_first_use("CARDS", wrapper="LazyList")
    expect(
        edited,
        """
        import os
        from .cards import merge
        from .lazy import LazyList


        def _make_cards():
            global Blank
            # All of them.
            from .cards import Blank

            CARDS = [
                Blank,
                Blank,
            ]
            merge(CARDS, [])
            return CARDS


        CARDS = LazyList(_make_cards)


        def __getattr__(name):
            if name == "Blank":
                len(CARDS)
                if name in globals():
                    return globals()[name]
            raise AttributeError("module %r has no attribute %r" % (__name__, name))


        def other():
            return merge, CARDS
        """,
    )


def test_what_the_making_imports_is_still_found_in_the_module():
    edited = module(LISTED)
    edited.make_at_first_use("CARDS", wrapper="LazyList")
    source = edited.source.replace("from .cards import Blank", "from os import sep as Blank")
    source = source.replace("from .cards import merge", "merge = lambda into, what: None")
    source = source.replace("from .lazy import", "from optimizations.lazy_loading import")
    names = {"__name__": "example"}
    exec(compile(source, "example.py", "exec"), names)
    assert "Blank" not in names
    assert names["__getattr__"]("Blank") == "/"
    assert names["CARDS"] == ["/", "/"]
    with pytest.raises(AttributeError, match="module 'example' has no attribute 'nonesuch'"):
        names["__getattr__"]("nonesuch")


def test_such_names_can_be_patched():
    edited = module(LISTED)
    edited.make_at_first_use("CARDS", wrapper="LazyList")
    source = edited.source.replace("from .cards import Blank", "from os import sep as Blank")
    source = source.replace("from .cards import merge", "merge = lambda into, what: None")
    source = source.replace("from .lazy import", "from optimizations.lazy_loading import")
    patched = types.ModuleType("example")
    exec(compile(source, "example.py", "exec"), vars(patched))
    for _ in range(2):
        patcher = mock.patch.object(patched, "Blank", "another")
        assert patcher.start() == patched.Blank == "another"
        patcher.stop()
        assert patched.Blank == "/"
    with pytest.raises(AttributeError, match="nonesuch"):
        mock.patch.object(patched, "nonesuch", 1).start()
    with mock.patch.object(patched, "nonesuch", 1, create=True):
        assert patched.nonesuch == 1
    assert not hasattr(patched, "nonesuch")
    del patched.Blank
    assert not hasattr(patched, "Blank")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1\n", "CARDS: not made by statements"),
        ("for CARDS in (): pass\n", "CARDS: not made by statements"),
        ("from a import B\nCARDS = [B]\ndef __getattr__(name): pass\n", "is there already"),
    ],
)
def test_what_cannot_be_made_later_is_refused(source, reason):
    with pytest.raises(DoesNotApply, match=reason):
        module(source).make_at_first_use("CARDS", wrapper="LazyList")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def f(): return value\n", "value: made by 0 statements"),
        ("value = 1\nvalue = 2\n", "value: made by 2 statements"),
        ("value = 1\nother = value\n", "used while the module loads"),
        ("value = 1\ndef __getattr__(name): pass\n", "is there already"),
        ("value = other = 1\n", "value: the statement that makes it makes other, too"),
        ("if x:\n    value = 1\nelse:\n    other = value = 2\n", "makes other, too"),
    ],
)
def test_a_value_that_cannot_be_deferred_is_refused(source, reason):
    with pytest.raises(DoesNotApply, match=reason):
        module(textwrap.dedent(source)).defer_value("value")
