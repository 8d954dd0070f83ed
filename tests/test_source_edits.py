"""Each edit does what it says, touches nothing else, and refuses by name."""

import pytest

from optimizations.errors import DoesNotApply
from optimizations.source_edits import Module
from optimizations.source_tree import SourceTree
from tests.edited_modules import PATH, expect, module


def test_added_imports_sort_in_and_known_names_are_left_out():
    edited = module('"""Doc."""\n\nimport os\nimport sys\nfrom typing import List\n\nX = 1\n')
    edited.add_import("import selectors")
    edited.add_import("from typing import Dict, List")
    edited.add_import("import os")
    expect(
        edited,
        '''
        """Doc."""

        import os
        import selectors
        import sys
        from typing import Dict, List

        X = 1
        ''',
    )
    with pytest.raises(DoesNotApply, match="no import at the top"):
        module("X = 1\n").add_import("import os")


def replacement(a, b):
    """Do it anew."""
    return a - b


WITH_FUNCTION = '''
    class C:
        # comment above
        @staticmethod
        def f(a: int, b: int = 2) -> int:
            """Keep me."""
            return a + b  # the old way

        y  =  2
    '''


def digest_of(name, source):
    try:
        module(source).replace_body(name, by=replacement, was=())
    except DoesNotApply as refusal:
        return str(refusal).rpartition(" ")[2].rstrip(")")


def test_replaced_body_keeps_signature_docstring_and_surroundings():
    edited = module(WITH_FUNCTION)
    edited.replace_body("C.f", by=replacement, was={digest_of("C.f", WITH_FUNCTION)})
    expect(edited, WITH_FUNCTION.replace("return a + b  # the old way", "return a - b"))


def test_replaced_function_takes_all_of_the_new_one():
    edited = module("def f(a, b):\n    return a + b\n\n\nX   =   1\n")
    edited.replace_function("f", by=replacement, was={digest_of("f", edited.source)})
    assert edited.source == 'def f(a, b):\n    """Do it anew."""\n    return a - b\n\n\nX   =   1\n'


def test_comments_and_layout_do_not_count_but_code_does():
    other_layout = WITH_FUNCTION.replace("a + b  # the old way", "(\n a + b)").replace(
        "(\n a + b)", "a+b"
    )
    assert digest_of("C.f", other_layout) == digest_of("C.f", WITH_FUNCTION)
    changed = WITH_FUNCTION.replace("a + b", "a * b")
    with pytest.raises(DoesNotApply, match=f"^{PATH}: C.f: another body than expected"):
        module(changed).replace_body("C.f", by=replacement, was={digest_of("C.f", WITH_FUNCTION)})


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("x = 1\n", "f: not found"),
        ("f = 1\n", "f: not a function"),
        ("def f(a, b): pass\ndef f(a, b): pass\n", "f: found 2 times"),
        ("def f(a): pass\n", r"f: takes \(a\), expected \(a, b\)"),
    ],
)
def test_a_function_that_is_not_as_expected_is_refused(source, reason):
    with pytest.raises(DoesNotApply, match=f"^{PATH}: {reason}"):
        module(source).replace_function("f", by=replacement, was=())


def test_one_statement_is_replaced_wherever_it_is_nested():
    edited = module(
        """
        def f(x):
            for i in x:
                # why
                total = one( i,
                    2)
            return  total
        """
    )
    edited.replace_statement(within="f", find="total = one(i, 2)", by="a = two(i)\ntotal = a")
    expect(
        edited,
        """
        def f(x):
            for i in x:
                # why
                a = two(i)
                total = a
            return  total
        """,
    )


@pytest.mark.parametrize(
    ("body", "how"), [("pass", "not found"), ("x = 1\n    x = 1", "found 2 times")]
)
def test_a_statement_that_is_not_there_exactly_once_is_refused(body, how):
    with pytest.raises(DoesNotApply, match=f"^{PATH}: f: `x = 1`: {how}"):
        module(f"def f():\n    {body}\n").replace_statement(within="f", find="x = 1", by="x = 2")


def test_added_definition_stands_before_another():
    edited = module("import os\n\n\n# about f\ndef f():\n    pass\n")
    edited.add_definition("class New:\n    x = 1\n", before="f")
    assert edited.source == (
        "import os\n\n\nclass New:\n    x = 1\n\n\n# about f\ndef f():\n    pass\n"
    )
    with pytest.raises(DoesNotApply, match="New: is there already"):
        edited.add_definition("class New: pass", before="f")
    with pytest.raises(DoesNotApply, match="g: not found"):
        edited.add_definition("class Other: pass", before="g")


def test_attribute_made_at_first_use_keeps_its_statements():
    edited = module(
        """
        class C:
            a = 1

            # about made
            made = heavy.make(2)
            made.tune(made=3)

            b = 2
        """
    )
    edited.make_attribute_at_first_use("C.made", decorator="Lazy")
    expect(
        edited,
        """
        class C:
            a = 1

            # about made
            @Lazy
            def made():
                made = heavy.make(2)
                made.tune(made=3)
                return made

            b = 2
        """,
    )


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("a = 1\n    made = f(a)", "made out of other attributes"),
        ("made = f()\n    b = 1\n    made.tune()", "used elsewhere"),
        ("b = 1", "not found"),
    ],
)
def test_attribute_entangled_with_its_class_is_refused(body, reason):
    with pytest.raises(DoesNotApply, match=f"^{PATH}: C.made: {reason}"):
        module(f"class C:\n    {body}\n").make_attribute_at_first_use("C.made", decorator="Lazy")


def test_tree_reads_lazily_and_knows_what_changed():
    files = {PATH: "import os\n\n\ndef f():\n    return os\n", "metaflow/other.py": "x = 1\n"}
    read = []

    def reader(path):
        read.append(path)
        return files[path]

    tree = SourceTree(files, reader)
    assert read == []
    tree["metaflow/other.py"].has("x")
    tree[PATH].defer_import("os")
    tree.add_module("metaflow/new.py", "y = 2\n")
    assert tree["metaflow/new.py"].has("y")
    assert tree.changes() == {
        PATH: "def f():\n    import os\n\n    return os\n",
        "metaflow/new.py": "y = 2\n",
    }


def test_tree_refuses_by_name():
    tree = SourceTree({PATH: ""}, {PATH: ""}.__getitem__)
    with pytest.raises(DoesNotApply, match=r"^metaflow/missing\.py: not found"):
        tree["metaflow/missing.py"]
    with pytest.raises(DoesNotApply, match=f"^{PATH}: is there already"):
        tree.add_module(PATH, "")


def test_windows_line_ends_and_missing_last_line_end_stay():
    edited = Module(PATH, "import os\r\nimport heavy\r\nX = 1\r\ndef f():\r\n    return heavy")
    edited.defer_import("heavy")
    assert edited.source == (
        "import os\r\nX = 1\r\ndef f():\r\n    import heavy\r\n\r\n    return heavy"
    )


def test_a_function_in_the_place_of_a_statement_stands_apart_from_the_next():
    edited = module("import a\n\na.f()\n# What follows.\nx = 1\n")
    edited.replace_statement(within=None, find="a.f()", by="a.f()\n\n\ndef f():\n    pass\n")
    assert edited.source.endswith("def f():\n    pass\n\n\n# What follows.\nx = 1\n")
