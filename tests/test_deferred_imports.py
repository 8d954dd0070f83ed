"""A deferred import stands where it is needed first, or is refused by name."""

import pytest

from optimizations.errors import DoesNotApply
from optimizations.source_tree import SourceTree
from tests.edited_modules import PATH, expect, module


def test_deferred_import_stands_at_first_use_after_early_returns():
    edited = module(
        """
        # header
        import os

        import heavy  # slow

        X   =  1   # odd spacing stays


        def user(flag):
            "Docstring."
            if not flag:
                return None

            # about the call
            return heavy.call(os.sep)


        def stranger( a,b ):
            return  a
        """
    )
    edited.defer_import("heavy")
    expect(
        edited,
        """
        # header
        import os

        X   =  1   # odd spacing stays


        def user(flag):
            "Docstring."
            if not flag:
                return None

            import heavy

            # about the call
            return heavy.call(os.sep)


        def stranger( a,b ):
            return  a
        """,
    )


@pytest.mark.parametrize(
    ("statement", "name", "use", "moved"),
    [
        ("import a.b as c", "c", "c.f()", "import a.b as c"),
        ("import a.b", "a.b", "a.b.f()", "import a.b"),
        ("from x import y", "y", "y()", "from x import y"),
        ("from x import y as z", "z", "z()", "from x import y as z"),
        ("from . import y", "y", "y()", "from . import y"),
    ],
)
def test_every_kind_of_import_can_be_deferred(statement, name, use, moved):
    edited = module(f"import os\n{statement}\n\n\ndef f():\n    return {use}\n")
    edited.defer_import(name)
    assert edited.source == f"import os\n\n\ndef f():\n    {moved}\n\n    return {use}\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from x import a, y, b\n", "from x import a, b\n"),
        ("from x import a, y\n", "from x import a\n"),
        ("from x import (\n    a,\n    y,\n)\n", "from x import (\n    a,\n    )\n"),
        ("import os; from x import y\n", "import os\n"),
        ("from x import y; import os\n", "import os\n"),
    ],
)
def test_other_names_of_the_import_stay(before, after):
    edited = module(f"{before}def f(): return y()\n")
    edited.defer_import("y")
    head, _, function = edited.source.partition("def")
    assert "".join(head.split()) == "".join(after.split())
    assert function == " f():\n    from x import y\n    return y()\n"
    compile(edited.source, PATH, "exec")


def test_a_deferred_import_goes_into_the_one_branch_that_needs_it():
    edited = module(
        """
        import heavy
        def f(a):
            if a:
                with open(a):
                    return heavy.one()
            elif a is None:
                return 1
            else:
                def inner():
                    return 2
        class C:
            def m(self):
                def inner():
                    return heavy.two()
                return inner
            def loop(self):
                for i in range(3):
                    heavy.three(i)
            def guarded(self):
                try:
                    return heavy.four()
                except heavy.Error:
                    return None
        """
    )
    edited.defer_import("heavy")
    expect(
        edited,
        """
        def f(a):
            if a:
                with open(a):
                    import heavy

                    return heavy.one()
            elif a is None:
                return 1
            else:
                def inner():
                    return 2
        class C:
            def m(self):
                def inner():
                    import heavy

                    return heavy.two()
                return inner
            def loop(self):
                import heavy

                for i in range(3):
                    heavy.three(i)
            def guarded(self):
                import heavy

                try:
                    return heavy.four()
                except heavy.Error:
                    return None
        """,
    )


def test_a_parameter_of_the_same_name_is_no_use_of_the_import():
    edited = module("import heavy\ndef f(heavy):\n    return heavy.x\n")
    edited.defer_import("heavy")
    assert edited.source == "def f(heavy):\n    return heavy.x\n"


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("x = heavy.y", "the module's top level"),
        ("class C:\n    x = heavy.y", "a class body"),
        ("@heavy.d\ndef f(): pass", "used"),
        ("def f(a=heavy.y): pass", "used"),
        ("def f(a: heavy.y): pass", "used in an annotation"),
        ("def f() -> heavy.y: pass", "used in an annotation"),
        ('def f(a: "heavy.y"): pass', "used in an annotation"),
        ("x = lambda: heavy.y", "the module's top level"),
        ("heavy = None", "given a value 2 times"),
        ("import heavy", "found 2 times"),
    ],
)
def test_an_import_needed_while_loading_is_refused(rest, reason):
    refused = module(f"import heavy\n{rest}\n")
    with pytest.raises(DoesNotApply, match=f"^{PATH}: .*heavy.*{reason}"):
        refused.defer_import("heavy")


def test_a_missing_import_is_refused():
    with pytest.raises(DoesNotApply, match=f"^{PATH}: import of heavy at the top level: not found"):
        module("import light\n").defer_import("heavy")


@pytest.mark.parametrize(
    "statement",
    [
        "from .example import heavy",
        "from metaflow.example import (\n    other,\n    heavy as h,\n)",
    ],
)
def test_a_name_that_another_module_imports_from_here_is_refused(statement):
    files = {PATH: "import heavy\n", "metaflow/user.py": f"{statement}\n"}
    tree = SourceTree(files, files.__getitem__)
    with pytest.raises(DoesNotApply, match=r"imported from here by metaflow/user\.py"):
        tree[PATH].defer_import("heavy")


def test_what_a_module_does_as_a_script_imports_for_itself():
    edited = module(
        """
        import heavy


        def f():
            return heavy.f()


        if __name__ == "__main__":

            async def main():
                await heavy.g()

            heavy.run(main())
        """
    )
    edited.defer_import("heavy")
    expect(
        edited,
        """
        def f():
            import heavy

            return heavy.f()


        if __name__ == "__main__":
            import heavy

            async def main():
                await heavy.g()

            heavy.run(main())
        """,
    )


def test_an_import_that_becomes_too_long_is_spread_over_lines():
    edited = module(
        """
        from somewhere.that_has_a_long_name.and_even_more import (
            SomethingWithALongName,
        )


        class Owner:
            def use(self):
                if self:
                    return SomethingWithALongName()
        """
    )
    edited.defer_import("SomethingWithALongName")
    expect(
        edited,
        """
        class Owner:
            def use(self):
                if self:
                    from somewhere.that_has_a_long_name.and_even_more import (
                        SomethingWithALongName,
                    )

                    return SomethingWithALongName()
        """,
    )
