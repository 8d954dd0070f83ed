"""What imports cost is read from real processes, and compared so that noise is not told as news."""

import shutil
import sys
import time
from pathlib import Path

import pytest

from scripts.errors import Failure
from scripts.git_command import git
from scripts.import_changes import differences
from scripts.import_times import measure
from scripts.import_trees import Node, parse, summed_up, walk

PYTHON = Path(sys.executable)
REPORT = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   encodings.aliases
import time:       200 |        300 | encodings
some/file.py:1: a warning about the import time: none
import time:        10 |         10 |       pkg.a.b
import time:        20 |         30 |     pkg.a
half a lineimport time:         4 |          4 |     missing
import time:         5 |          5 |     missing
import time:         6 |         45 |   pkg.c
import time:        40 |         85 | pkg
"""
# There is a tabulate in this environment, too: that of the commit is to be measured.
BEFORE = {
    "tabulate/__init__.py": "import tabulate.outer\nfrom tabulate import kept",
    "tabulate/outer.py": "from tabulate import shared\nimport tabulate.gone.inner",
    "tabulate/shared.py": "",
    "tabulate/kept.py": "",
    "tabulate/gone/__init__.py": "",
    "tabulate/gone/inner.py": "import sys\nsys.stderr.write('a text without an end')",
    "tabulate/template.py": "this is {{ no }} Python",
    "tabulate.txt": "not of the package",
}
AFTER = {
    "tabulate/__init__.py": "import tabulate.outer\nfrom tabulate import kept",
    "tabulate/outer.py": "from tabulate import shared",
    "tabulate/shared.py": "",
    "tabulate/kept.py": "try:\n    import tabulate.missing\nexcept ImportError:\n    pass",
}


def commit(repository, files):
    shutil.rmtree(repository / "tabulate", ignore_errors=True)
    for path, content in files.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(content + "\n")
    git(repository, "add", "--all")
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@localhost"]
    git(repository, *who, "commit", "--quiet", "--message", "a commit")
    return git(repository, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, BEFORE)
    commit(folder, AFTER)
    return folder


def side(*rounds, name="main"):
    """One side whose rounds are given as nested (name, own microseconds, children)."""

    def node(described):
        own_name, own, *children = described
        made = tuple(map(node, children))
        return Node(own_name, own, own + sum(each.cumulative_us for each in made), made)

    return summed_up(name, "0" * 40, [node(each) for each in rounds])


def test_a_report_is_read_as_trees():
    encodings, package = parse(REPORT)
    assert encodings == Node("encodings", 200, 300, (Node("encodings.aliases", 100, 100),))
    below = Node("pkg.a", 20, 30, (Node("pkg.a.b", 10, 10),))
    twice = (Node("missing", 4, 4), Node("missing", 5, 5))
    assert package == Node("pkg", 40, 85, (Node("pkg.c", 6, 45, (below, *twice)),))
    assert [importer for _, importer in walk(package)] == [
        "",
        "pkg",
        "pkg.c",
        "pkg.a",
        *["pkg.c"] * 2,
    ]


def test_a_package_is_imported_by_who_wanted_its_module():
    (tree,) = parse(
        "import time: 1 | 1 |     a\n"
        "import time: 1 | 1 |     a.c\n"
        "import time: 1 | 3 |   a.b\n"
        "import time: 1 | 4 | pkg\n"
    )
    assert {node.name: importer for node, importer in walk(tree)} == {
        "pkg": "",
        "a.b": "pkg",
        "a": "pkg",
        "a.c": "a.b",
    }


def test_another_text_has_no_trees():
    assert parse("Traceback (most recent call last):\n") == []


def test_a_round_that_was_disturbed_has_no_say():
    calm = ("pkg", 10, ("a", 5), ("a", 7))
    disturbed = ("pkg", 900, ("a", 800), ("a", 7), ("b", 1))
    made = side(calm, disturbed, calm)
    assert made.tree == Node("pkg", 10, 22, (Node("a", 5, 5), Node("a", 7, 7)))
    assert made.rounds == {"pkg": (10, 900, 10), "a": (12, 807, 12), "b": (0, 1, 0)}


def test_what_left_is_one_line_with_what_left_below_it():
    requests = ("requests", 3000, ("json", 500, ("json.scanner", 40)), ("urllib3", 900))
    before = side(("pkg", 10, ("pkg.a", 5, requests), ("small", 30)))
    after = side(("pkg", 10, ("pkg.a", 5), ("pkg.b", 2, ("json", 500))))
    found = differences(before, after)
    first, second = found["left"]
    assert (first.name, first.importer, first.below) == (
        "requests",
        "pkg.a",
        ("json.scanner", "urllib3"),
    )
    # json is imported still, by another module.
    assert (first.before_us, first.after_us, first.change_us) == (3940, 0, -3940)
    assert (second.name, second.importer, second.below) == ("small", "pkg", ())
    assert [(each.name, each.change_us) for each in found["came"]] == [("pkg.b", 2)]


def test_a_module_that_came_at_several_places_is_one_line():
    before = side(("pkg", 10, ("a", 1), ("b", 1)))
    after = side(("pkg", 10, ("a", 1, ("missing", 20)), ("b", 1, ("missing", 30))))
    (came,) = differences(before, after)["came"]
    assert (came.name, came.importer, came.after_us, came.below) == ("missing", "a", 50, ())


def rounds_of(*times):
    return side(*(("pkg", 1000, ("a", each)) for each in times))


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ((50, 60, 70, 80, 55), (81, 90, 99, 95, 85), "grew"),
        ((81, 90, 99, 95, 85), (50, 60, 70, 80, 55), "shrank"),
        # A round of one side is as slow as one of the other.
        ((50, 60, 70, 80, 55), (79, 90, 99, 95, 85), None),
        # Too little to be felt.
        ((50, 50, 50, 50, 50), (51, 51, 51, 51, 51), None),
        # Too few rounds to tell.
        ((50, 60, 70), (150, 160, 170), None),
    ],
)
def test_a_module_in_both_is_told_only_above_its_noise(before, after, kind):
    found = differences(rounds_of(*before), rounds_of(*after))
    told = {kind: [(each.name, each.importer) for each in found[kind]] for kind in found}
    assert told == {
        each: [("a", "pkg")] if each == kind else [] for each in ("left", "came", "grew", "shrank")
    }


def test_two_commits_are_imported_and_compared(repository):
    before, after = measure(repository, ("HEAD~1", "main"), PYTHON, "tabulate", 2)
    assert (before.revision, after.commit) == ("HEAD~1", git(repository, "rev-parse", "main"))
    (outer, kept) = before.tree.children
    assert (before.tree.name, outer.name, kept.name) == (
        "tabulate",
        "tabulate.outer",
        "tabulate.kept",
    )
    assert before.tree.cumulative_us > before.tree.self_us > 0
    assert all(len(times) == 2 for times in before.rounds.values())
    found = differences(before, after)
    assert [(each.name, each.importer, each.below) for each in found["left"]] == [
        ("tabulate.gone.inner", "tabulate.outer", ("tabulate.gone",))
    ]
    # An import that fails costs time as well.
    assert [(each.name, each.importer) for each in found["came"]] == [
        ("tabulate.missing", "tabulate.kept")
    ]


def test_a_module_of_a_package_is_the_top_of_its_tree(repository):
    before, _ = measure(repository, ("main~1", "main"), PYTHON, "tabulate.outer", 1)
    # The package is imported for it, and imports the module itself.
    assert before.tree.name == "tabulate.outer"
    names = [node.name for node, _ in walk(before.tree)]
    assert names[:3] == ["tabulate.outer", "tabulate", "tabulate.outer"]


def test_the_settings_of_a_person_have_no_say(repository, monkeypatch, tmp_path):
    (tmp_path / "tabulate.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    commit(
        repository,
        {
            "tabulate/__init__.py": "import os, sys\nassert not sys.dont_write_bytecode\n"
            "assert os.path.exists(__spec__.cached)\nassert os.environ['PYTHONHASHSEED'] == '0'"
        },
    )
    before, after = measure(repository, ("main", "main"), PYTHON, "tabulate", 1)
    assert before.tree.name == after.tree.name == "tabulate"


@pytest.mark.parametrize(
    ("source", "module", "said"),
    [
        ("raise RuntimeError('a reason')", "tabulate", r"fails at \S+ \([0-9a-f]{8}\): .*a reason"),
        ("import os\nos.abort()", "tabulate", r"import tabulate fails at \S+ \([0-9a-f]{8}\): "),
        ("", "tabulate.kept", "No module named 'tabulate.kept'"),
        ("", "other", "has no module other; name another with --module"),
        (
            "import sys, json\nsys.modules['tabulate'] = json",
            "tabulate",
            "was imported from .*json",
        ),
    ],
)
def test_what_cannot_be_imported_is_said_in_a_line(repository, source, module, said):
    commit(repository, {"tabulate/__init__.py": source})
    with pytest.raises(Failure, match=said) as failure:
        measure(repository, ("main~1", "main"), PYTHON, module, 1)
    assert "\n" not in str(failure.value)


def test_an_unknown_revision_is_named_before_anything_is_done(repository):
    began = time.monotonic()
    with pytest.raises(Failure, match="unknown revision nonsense; git tag lists them"):
        measure(repository, ("main", "nonsense"), PYTHON, "tabulate", 10_000)
    assert time.monotonic() - began < 60
