"""What imports cost is read from real processes, and noise is not told as news."""

import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from mfbench.asv_plugin import THIS_PYTHON
from mfbench.explain import imports, kept_imports
from mfbench.explain.import_changes import Difference, differences
from mfbench.explain.import_trees import Node, measure, parse, summarize, walk
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git

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
# There is a tabulate in this environment, too; the commit's is to be measured.
BEFORE = {
    "tabulate/__init__.py": "import tabulate.outer\nfrom tabulate import kept",
    "tabulate/outer.py": "from tabulate import shared\nimport tabulate.gone.inner",
    "tabulate/shared.py": "",
    "tabulate/kept.py": "",
    "tabulate/gone/__init__.py": "",
    "tabulate/gone/inner.py": "import sys\nsys.stderr.write('a text without an end')",
}
AFTER = {
    "tabulate/outer.py": "from tabulate import shared",
    "tabulate/kept.py": "try:\n    import tabulate.missing\nexcept ImportError:\n    pass",
}


def commit(repository, files):
    for path, content in files.items():
        (repository / path).parent.mkdir(parents=True, exist_ok=True)
        (repository / path).write_text(content + "\n")
    git(repository, "add", "--all")
    person = ["-c", "user.name=somebody", "-c", "user.email=somebody@localhost"]
    git(repository, *person, "commit", "--quiet", "--message", "a commit")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A small one instead of upstream/."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, BEFORE)
    commit(folder, AFTER)
    monkeypatch.setattr(imports, "UPSTREAM", folder)
    for module in (imports, kept_imports):
        monkeypatch.setattr(module, "interpreter", lambda: PYTHON)
    return folder


def side(*rounds):
    """One commit whose rounds are given as nested (name, own microseconds, children)."""

    def node(described):
        name, own, *children = described
        made = tuple(map(node, children))
        return Node(name, own, own + sum(each.cumulative_us for each in made), made)

    return summarize("main", "0" * 40, [node(each) for each in rounds])


def test_a_report_is_read_as_trees():
    encodings, package = parse(REPORT)
    assert encodings == Node("encodings", 200, 300, (Node("encodings.aliases", 100, 100),))
    below = Node("pkg.a", 20, 30, (Node("pkg.a.b", 10, 10),))
    twice = (Node("missing", 4, 4), Node("missing", 5, 5))
    assert package == Node("pkg", 40, 85, (Node("pkg.c", 6, 45, (below, *twice)),))
    # Python imports pkg.a because pkg.c wants pkg.a.b, or a module of it.
    importers = [importer for _, importer in walk(package)]
    assert importers == ["", "pkg", "pkg.c", "pkg.a", "pkg.c", "pkg.c"]
    tree = Node("pkg", 1, 4, (Node("a.b", 1, 3, (Node("a", 1, 1), Node("a.c", 1, 1))),))
    assert [importer for _, importer in walk(tree)] == ["", "pkg", "pkg", "a.b"]


def test_one_disturbed_round_changes_nothing():
    calm = ("pkg", 10, ("a", 5), ("a", 7))
    disturbed = ("pkg", 900, ("a", 800), ("a", 7), ("b", 1))
    made = side(calm, disturbed, calm)
    assert made.tree == Node("pkg", 10, 22, (Node("a", 5, 5), Node("a", 7, 7)))
    assert made.own_us == {"pkg": [10, 900, 10], "a": [12, 807, 12], "b": [0, 1, 0]}


def test_what_left_is_one_line_with_what_left_below_it():
    requests = ("requests", 3000, ("json", 500, ("json.scanner", 40)), ("urllib3", 900))
    before = side(("pkg", 10, ("pkg.a", 5, requests), ("pkg.c", 6)))
    # Another module still imports json.
    after = side(("pkg", 10, ("pkg.a", 5, ("b", 2)), ("pkg.c", 6, ("b", 3), ("json", 500))))
    found = differences(before, after)
    below = ("json.scanner", "urllib3")
    assert found["left"] == [Difference("requests", "pkg.a", 3940, 0, below)]
    assert found["left"][0].below_text == " and, through it, 2 more modules"
    # It came at two places.
    assert found["came"] == [Difference("b", "pkg.a", 0, 5)]


CALM = (500, 510, 520, 530, 540, 550, 560, 570, 580, 590)
SLOW = tuple(each + 105 for each in CALM)


@pytest.mark.parametrize(
    ("before", "after", "whole", "kind"),
    [
        (CALM, SLOW, 1000, "grew"),
        (SLOW, CALM, 1000, "shrank"),
        # By chance: among 150 modules, one is often so different.
        (CALM, tuple(each + 45 for each in CALM), 1000, None),
        # Too little to be felt: less than a thousandth of the import.
        (CALM, SLOW, 200_000, None),
        # Too few rounds for any rank test.
        (CALM[:3], SLOW[:3], 1000, None),
        # Imported in some rounds only.
        (CALM, (0,) * 6 + (700,) * 4, 1000, None),
    ],
)
def test_a_module_of_both_is_told_only_if_its_change_is_significant(before, after, whole, kind):
    others = [(f"m{number}", 100 + number) for number in range(150)]
    sides = (
        side(*(("pkg", whole, ("a", each), *others) for each in times)) for times in (before, after)
    )
    found = differences(*sides)
    told = {each: [module.name for module in found[each]] for each in found if found[each]}
    assert told == ({kind: ["a"]} if kind else {})


def invoke(*arguments):
    return CliRunner().invoke(
        imports.command, ["main~1", "main", "--module", "tabulate", "--rounds", "2", *arguments]
    )


def test_the_text_has_totals_and_then_the_list(repository):
    head, listed = invoke().output.split("\n\n")
    first, base, _ = head.splitlines()
    assert first == "import tabulate: medians of 2 rounds"
    assert re.search(r"^base +[\d.]+ ms  6 modules, main~1 \([0-9a-f]{8}\)$", base)
    *ranked, rest = listed.splitlines()
    assert {re.sub(r" +[+-][\d.]+ ms ", "", line) for line in ranked} == {
        "removed tabulate.gone.inner and, through it, 1 more module, imported by tabulate.outer",
        # An import that fails costs time as well.
        "added tabulate.missing, imported by tabulate.kept",
    }
    assert rest.startswith("others ") and "10 rounds show which are slower or faster" in rest
    assert " ms  1 smaller differences, and modules" in invoke("--top", "1").output


def test_a_module_of_a_package_is_the_top_of_its_tree(repository):
    before, _ = measure(repository, ("main~1", "main"), PYTHON, "tabulate.outer", 1)
    # The package is imported for it, and imports the module itself.
    names = [node.name for node, _ in walk(before.tree)]
    assert names[:3] == ["tabulate.outer", "tabulate", "tabulate.outer"]


@pytest.mark.parametrize(
    ("source", "module", "said"),
    [
        ("raise OSError('a reason')", "tabulate", r"\w{8} can't import tabulate \(.*a reason\)"),
        ("import os\nos.abort()", "tabulate", r"can't import tabulate \(.*\)"),
        ("", "tabulate.none", "No module named 'tabulate.none'"),
        ("", "json", r"^json is not of commit \w{8} but of .*json"),
    ],
)
def test_what_cannot_be_imported_is_said_in_a_line(repository, source, module, said):
    commit(repository, {"tabulate/__init__.py": source})
    with pytest.raises(Failure, match=said) as failure:
        measure(repository, ("main",), PYTHON, module, 1)
    assert "\n" not in str(failure.value)


def test_a_kept_comparison_is_of_its_two_commits(repository, tmp_path, monkeypatch):
    monkeypatch.setattr(kept_imports, "ROUNDS", 1)
    monkeypatch.setattr(kept_imports, "MODULE", "tabulate")
    path = kept_imports.path_of("2.0", "2.1", tmp_path / "imports")
    revisions = ("main~1", "main")
    assert not kept_imports.is_of(path, repository, revisions)
    kept_imports.keep(path, repository, revisions)
    assert kept_imports.is_of(path, repository, revisions)
    assert not kept_imports.is_of(path, repository, revisions[::-1])
    read = json.loads(path.read_text())
    assert list(read) == ["module", "rounds", "before", "after", "left", "came", "grew", "shrank"]
    before, after = read["before"], read["after"]
    assert (before["revision"], before["modules"], after["modules"]) == ("main~1", 6, 5)
    assert before["total_us"] == before["tree"]["cumulative_us"] > before["tree"]["self_us"] > 0
    assert invoke("--format", "json", "--output", str(path)).output == ""
    assert json.loads(path.read_text()).keys() == read.keys()
    path.write_text("{half")
    with pytest.raises(Failure, match=r"^2\.0\.\.2\.1\.json: .*; restore it with git"):
        kept_imports.is_of(path, repository, revisions)


def test_an_environment_of_asv_is_preferred_if_it_has_what_metaflow_needs(tmp_path, monkeypatch):
    for folder, code in (("a", 1), ("b", 0)):
        python = tmp_path / folder / "bin" / f"python{THIS_PYTHON}"
        python.parent.mkdir(parents=True)
        python.write_text(f"#!/bin/sh\nexit {code}\n")
        python.chmod(0o755)
    assert imports.interpreter(tmp_path) == python
    monkeypatch.setattr(sys, "executable", str(tmp_path / "a" / "bin" / python.name))
    with pytest.raises(Failure, match="no Python here has requests and boto3"):
        imports.interpreter(tmp_path / "nothing")
