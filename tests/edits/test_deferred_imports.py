"""A deferred import stands where it is needed first, and all else stays byte for byte."""

import pytest

from tests.edits.edited_modules import diff, module

DEFERRED = {
    "at first use after early returns": """
          # header
          import os

        - import heavy  # slow
        -
          X   =  1   # odd spacing stays


          def user(flag):
              "Docstring."
              if not flag:
                  return None

        +     import heavy
        +
              # about the call
              return heavy.call(os.sep)


          def stranger( a,b ):
              return  a
        """,
    "at the start of its block where nothing leaves it before": """
        - import heavy
          def f():
              "Docstring."
        +     import heavy
        +
              x = 1
              if x:
                  x = 2

              return heavy.one(x)
        """,
    "in the one branch that needs it": """
        - import heavy
          def f(a):
              if a:
        +         import heavy
        +
                  with open(a):
                      return heavy.one()
              elif a is None:
                  return 1
              else:
                  return 2
          class C:
              def method(self):
                  if self:
                      return 1
                  elif self is None:
                      return 2
                  else:
                      def inner():
        +                 import heavy
        +
                          return heavy.two()
                      return inner
        """,
    "outside of loops and try": """
        - import heavy
          def loop():
        +     import heavy
        +
              for i in range(3):
                  heavy.three(i)
          def guarded():
        +     import heavy
        +
              try:
                  return heavy.four()
              except heavy.Error:
                  return None
        """,
    "nowhere if no function uses it": """
        - import heavy
          def f(heavy):
              return heavy.x
        """,
    "in what the module does as a script": """
        - import heavy
          def f():
        +     import heavy
        +
              return heavy.f()
          if __name__ == "__main__":
        +     import heavy

              heavy.run(f)
              print( f )
        """,
}


@pytest.mark.parametrize("text", DEFERRED.values(), ids=DEFERRED)
def test_a_deferred_import_stands(text):
    edited, after = diff(text)
    edited.defer_import("heavy")
    assert edited.source == after


@pytest.mark.parametrize(
    ("before", "left", "moved", "name"),
    [
        ("import a.b as c", "", "import a.b as c", "c"),
        ("import a.b", "", "import a.b", "a.b"),
        ("from x import y", "", "from x import y", "y"),
        ("from x import y as z", "", "from x import y as z", "z"),
        ("from . import y", "", "from . import y", "y"),
        ("from x import a, y, b", "from x import a, b\n", "from x import y", "y"),
        ("from x import a, y", "from x import a\n", "from x import y", "y"),
        ("from x import (\n a,\n y,\n)", "from x import (\n a,\n )\n", "from x import y", "y"),
        ("import a; from x import y", "import a\n", "from x import y", "y"),
        ("from x import y; import a", "import a\n", "from x import y", "y"),
    ],
)
def test_every_kind_of_import_can_be_deferred_and_other_names_of_it_stay(before, left, moved, name):
    edited = module(f"import os\n{before}\ndef f(): return {name}()\n")
    edited.defer_import(name)
    assert edited.source == f"import os\n{left}def f():\n    {moved}\n    return {name}()\n"


def test_windows_line_ends_and_missing_last_line_end_stay():
    edited = module("import os\r\nimport heavy\r\nX = 1\r\ndef f():\r\n    return heavy")
    edited.defer_import("heavy")
    assert edited.source == (
        "import os\r\nX = 1\r\ndef f():\r\n    import heavy\r\n\r\n    return heavy"
    )
