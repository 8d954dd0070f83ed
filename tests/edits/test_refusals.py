"""What each edit refuses, and in which words."""

import re
from operator import methodcaller

import pytest

from optimizations.edits import DoesNotApply, SourceTree
from tests.edits.edited_modules import PATH, module

IMPORT = methodcaller("defer_import", "heavy")
ADD_IMPORT = methodcaller("add_import", "import os")
BODY = methodcaller("replace_body", "f", by="def f(a, b): pass", was={"another digest"})
STATEMENT = methodcaller("replace_statement", within="f", find="x = 1", by="x = 2")
EXPRESSION = methodcaller("replace_expression", "x", by="y")
PARAMETER = methodcaller("add_parameter", "f", "c=0")
DEFINITION = methodcaller("add_definition", "class New: pass", before="f")
LOADING = "used while the module loads, in"
TOP = "the module's top level"


@pytest.mark.parametrize(
    ("edit", "source", "words"),
    [
        (IMPORT, "import light", "import of heavy at the top level: not found"),
        (IMPORT, "import heavy\nimport heavy", "import of heavy at the top level: found 2 times"),
        (IMPORT, "import heavy\nheavy = None", "heavy: its name is given a value 2 times"),
        (IMPORT, "import heavy\nx = heavy.y", f"heavy: {LOADING} {TOP}"),
        (IMPORT, "import heavy\nx = lambda: heavy.y", f"heavy: {LOADING} {TOP}"),
        (IMPORT, "import heavy\n@heavy.d\ndef f(): pass", f"heavy: {LOADING} {TOP}"),
        (IMPORT, "import heavy\ndef f(a=heavy.y): pass", f"heavy: {LOADING} {TOP}"),
        (IMPORT, "import heavy\nclass C: x = heavy.y", f"heavy: {LOADING} a class body"),
        (IMPORT, "import heavy\ndef f(a: heavy.y): pass", "heavy: used in an annotation"),
        (IMPORT, "import heavy\ndef f(a: 'heavy.y'): pass", "heavy: used in an annotation"),
        (IMPORT, "import heavy\ndef f() -> heavy.y: pass", "heavy: used in an annotation"),
        (ADD_IMPORT, "X = 1", "import os: no import at the top to put it beside"),
        (BODY, "x = 1", "f: not found"),
        (BODY, "f = 1", "f: not a function"),
        (BODY, "def f(a, b): pass\ndef f(a, b): pass", "f: found 2 times"),
        (BODY, "def f(a): pass", "f: takes (a), expected (a, b)"),
        (
            BODY,
            "def f(a, b): return a + b",
            "f: another body than expected (its digest is ecbebb36ab51)",
        ),
        (STATEMENT, "def f(): pass", "f: `x = 1`: not found"),
        (STATEMENT, "def f():\n    x = 1\n    x = 1", "f: `x = 1`: found 2 times"),
        (EXPRESSION, "z", "`x`: not found"),
        (EXPRESSION, "x\nx", "`x`: found 2 times"),
        (PARAMETER, "def f(b, c): pass", "f: takes c already"),
        (PARAMETER, "def f(a, *, b): pass", "f: its last parameter is not positional"),
        (PARAMETER, "class f: pass", "f: not a function"),
        (PARAMETER, "x = 1", "f: not found"),
        (DEFINITION, "class New: pass\ndef f(): pass", "New: is there already"),
        (DEFINITION, "x = 1", "f: not found"),
        (DEFINITION, "f = 1", f"f: not a function or a class of {TOP}"),
    ],
)
def test_an_edit_that_does_not_find_what_it_expects_says_where_and_why(edit, source, words):
    with pytest.raises(DoesNotApply, match=f"^{PATH}: {re.escape(words)}$"):
        edit(module(source))


@pytest.mark.parametrize(
    "statement",
    [
        "from .example import heavy",
        "from metaflow.example import (\n    other,\n    heavy as h,\n)",
    ],
)
def test_an_import_that_another_module_takes_from_here_is_not_deferred(statement):
    files = {PATH: "import heavy\n", "metaflow/user.py": f"{statement}\n"}
    tree = SourceTree(files, files.__getitem__)
    with pytest.raises(DoesNotApply, match=r"heavy: imported from here by metaflow/user\.py$"):
        tree[PATH].defer_import("heavy")


def test_a_release_lacks_a_file_has_one_of_its_own_or_one_that_is_no_python():
    inserted = "test/unit/test_import_guard.py"
    files = {inserted: "# metaflow's own", PATH: "x = ="}
    tree = SourceTree(files, files.__getitem__)
    with pytest.raises(DoesNotApply, match=r"^metaflow/missing\.py: not found$"):
        tree["metaflow/missing.py"]
    with pytest.raises(DoesNotApply, match=f"^{inserted}: is there already$"):
        tree.insert(inserted)
    with pytest.raises(DoesNotApply, match=f"^{PATH}: line 1 is no Python$"):
        tree[PATH]


def test_a_new_parameter_needs_a_default():
    with pytest.raises(TypeError, match="needs a default"):
        module("def f(): pass\n").add_parameter("f", "c")
