"""What an author got wrong is told as theirs, with file and line."""

import shutil
import subprocess
import sys

import pytest

from tests.project_clones import variables

IDEA, SERIES = "ask_often.py", "__init__.py"
APPLY = "def apply(tree: SourceTree) -> None:\n"
LACKS = f"{IDEA}:1: ask_often lacks"
NEEDS = f"{IDEA}:11: ask_often needs"
LISTED = 'load("ask_often")'


@pytest.fixture(scope="module")
def project(clone, built_upstream):
    """A copy of the project in which no optimisation was applied before."""
    shutil.copytree(built_upstream, clone / "upstream", symlinks=True)
    return clone


def run(project, *command):
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=project,
        env=variables(project) | {"METAFLOW_BENCHMARKS_CACHE": str(project / "cache")},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("file", "right", "wrong", "said"),
    [
        (IDEA, APPLY, "def apply(\n", f"{IDEA}:11: SyntaxError: '(' was never closed"),
        (IDEA, APPLY, f"import none\n{APPLY}", f"{IDEA}:11: ModuleNotFoundError: No module named"),
        (IDEA, APPLY, "def applied(tree):\n", f"{LACKS} a function apply(tree)"),
        (IDEA, APPLY, "def apply():\n", f"{LACKS} a function apply(tree)"),
        (IDEA, APPLY, f"CLAIMS = ('a',)\n{APPLY}", f"{LACKS} CLAIMS that are a tuple"),
        (IDEA, APPLY, f'{APPLY}    tree.modul("x")\n', f"{IDEA}:12: AttributeError: 'SourceTree'"),
        (IDEA, '"""', 'x = """', f"{LACKS} a docstring: the text of the pull request"),
        (IDEA, APPLY, f"NEEDS = ['a']\n{APPLY}", f"{LACKS} NEEDS that are a tuple of names"),
        (IDEA, APPLY, f"NEEDS = ('later',)\n{APPLY}", f"{NEEDS} later, which does not come"),
        (SERIES, LISTED, 'load("ask_oftn")', f"{SERIES}:4: ImportError: there is no "
         "optimizations/ask_oftn.py; the nearest is ask_often"),
        (SERIES, LISTED, "'ask_often'", f"{SERIES}:4: SERIES holds 'ask_often'; write "),
    ],
)  # fmt: skip
def test_a_mistake_is_told_in_one_line(project, file, right, wrong, said):
    path = project / "optimizations" / file
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong, 1))
    try:
        finished = run(project, "mfbench", "optimize", "list")
    finally:
        path.write_text(text)
    *_, last = finished.stderr.splitlines()
    assert finished.returncode == 3 and last.startswith(f"error: optimizations/{said}")
    assert "Traceback" not in finished.stderr and "report it" not in last


@pytest.mark.parametrize("command", ["apply", "check", "list"])
def test_a_module_that_is_not_in_the_series_is_named(project, command):
    (project / "optimizations" / "another.py").touch()
    finished = run(project, "mfbench", "optimize", command)
    assert finished.returncode == 0
    said = 'SERIES lacks another; add load("another") there, or move the file away'
    assert f"optimizations/__init__.py:4: {said}" in finished.stderr


@pytest.mark.parametrize("verb", ["run", "check"])
def test_asv_tells_of_a_broken_benchmark_in_one_line(project, verb):
    new = project / "benchmarks" / "new.py"
    new.write_text("import none\n")
    try:
        finished = run(project, "asv", verb)
    finally:
        new.unlink()
    said = "error: benchmarks/new.py:1: ModuleNotFoundError: No module named 'none'; fix it\n"
    assert finished.returncode == 1 and finished.stderr == said
