"""The command that says why an import is slow, in this project's own repository and a small one."""

import json
import os
import sys
from pathlib import Path

import pytest

from scripts import history, importtree
from scripts.errors import EXIT_ERROR, Failure, run
from scripts.git_command import git, is_repository
from scripts.import_changes import differences
from scripts.import_times import measure
from scripts.import_trees import Node, summed_up
from scripts.paths import UPSTREAM
from scripts.upstream_git import NewCommit, write_commits

KINDS = ["left", "came", "grew", "shrank"]
# Of processor time: the import of a whole metaflow takes about three times as much.
HEAVY = """\
import time
began = time.process_time()
while time.process_time() - began < 0.05:
    pass
"""


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The command works on a small repository, in which a module leaves."""
    folder = tmp_path / "upstream"
    (folder / "pkg").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for files in [
        {"__init__.py": "import pkg.heavy", "heavy.py": "import pkg.inner", "inner.py": HEAVY},
        {"__init__.py": ""},
    ]:
        for name, content in files.items():
            (folder / "pkg" / name).write_text(content)
        git(folder, "add", "--all")
        who = ["-c", "user.name=somebody", "-c", "user.email=somebody@localhost"]
        git(folder, *who, "commit", "--quiet", "--message", "a commit")
    monkeypatch.setattr(importtree, "UPSTREAM", folder)
    monkeypatch.setattr(importtree, "interpreter", lambda: Path(sys.executable))
    return ["main~1", "main", "--module", "pkg", "--rounds", "1"]


def test_a_heavy_import_in_a_throw_away_commit_comes_first():
    if not is_repository(UPSTREAM):
        history.ensure(UPSTREAM)
    main = git(UPSTREAM, "rev-parse", "main")
    changes = {
        "metaflow/__init__.py": git(UPSTREAM, "show", "main:metaflow/__init__.py")
        + "\nimport metaflow.planted\n",
        "metaflow/planted/__init__.py": "from metaflow.planted import heavy\n",
        "metaflow/planted/heavy.py": HEAVY,
    }
    seconds = int(git(UPSTREAM, "show", "--no-patch", "--format=%ct", "main"))
    (planted,) = write_commits(UPSTREAM, main, [NewCommit("A heavy import", changes, seconds)])

    sides = measure(UPSTREAM, ("main", planted), Path(sys.executable), "metaflow", 1)
    found = differences(*sides)
    assert [each.name for each in found["came"]] == ["metaflow.planted"]
    assert found["came"][0].importer == "metaflow"
    assert found["came"][0].below == ("metaflow.planted.heavy",)
    assert found["came"][0].after_us > 49_000
    assert found["left"] == []
    listed = importtree.text("metaflow", 1, sides, found).split("\n\n")[-1]
    assert "metaflow.planted and 1 module below it, imported by metaflow" in listed.split("\n")[0]

    # Nothing of it stays: no name for the commit, no file.
    assert git(UPSTREAM, "for-each-ref", "--contains", planted) == ""
    assert not (UPSTREAM / "metaflow" / "planted").exists()


def test_the_text_tells_totals_and_then_the_list(small, capsys):
    assert importtree.main(small) == 0
    told = capsys.readouterr().out
    head, kinds, listed = told.rstrip("\n").split("\n\n")
    assert head.splitlines()[0] == "import pkg: medians of 1 rounds"
    assert head.splitlines()[1].endswith(" (main~1)") and " 3 modules" in head
    assert [line.split()[0] for line in kinds.splitlines()] == [*KINDS, "others"]
    assert kinds.endswith(" ms  what grew and shrank is told from 4 rounds on")
    assert listed.startswith("left ")
    assert listed.endswith(" ms  pkg.heavy and 1 module below it, imported by pkg")


def test_smaller_differences_are_added_up():
    before = summed_up("main", "0" * 40, [Node("pkg", 10, 10)])
    children = tuple(Node(f"m{own}", own, own) for own in (1000, 3000, 2000, 4000))
    after = summed_up("HEAD", "1" * 40, [Node("pkg", 10, 10_010, children)])
    found = differences(before, after)
    lines = importtree.text("pkg", 1, (before, after), found, rows=2).splitlines()[-3:]
    assert [" ".join(line.split()) for line in lines] == [
        "came +4.00 ms m4000, imported by pkg",
        "came +3.00 ms m3000, imported by pkg",
        "+3.00 ms 2 smaller ones",
    ]


def test_json_holds_both_trees_and_all_lists(small, capsys):
    assert importtree.main([*small, "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told) == ["module", "rounds", "before", "after", *KINDS]
    before, after = told["before"], told["after"]
    assert (before["revision"], before["modules"], after["modules"]) == ("main~1", 3, 1)
    assert len(before["commit"]) == 40 and before["total_us"] > 49_000
    (heavy,) = before["tree"]["children"]
    assert list(heavy) == ["name", "self_us", "cumulative_us", "children"]
    assert (heavy["name"], heavy["children"][0]["name"]) == ("pkg.heavy", "pkg.inner")
    (left,) = told["left"]
    assert list(left) == ["name", "importer", "before_us", "after_us", "below"]
    assert (left["name"], left["importer"], left["below"]) == ("pkg.heavy", "pkg", ["pkg.inner"])
    assert told["came"] == told["grew"] == told["shrank"] == []


def test_a_file_is_written_whole_or_not_at_all(small, capsys, tmp_path):
    path, old = tmp_path / "folder" / "tree.json", tmp_path / "old.json"
    path.parent.mkdir()
    path.write_text("old")
    os.link(path, old)
    assert importtree.main([*small, "--format", "json", "--output", str(path)]) == 0
    assert json.loads(path.read_text())["module"] == "pkg"
    # Another file has taken its name; nothing was written into the old one.
    assert old.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]
    assert capsys.readouterr().out == ""


def test_an_unknown_revision_is_said_in_a_line(small, capsys):
    assert run(lambda: importtree.main(["main", "nonsense"])) == EXIT_ERROR
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == ("error: unknown revision nonsense; git tag lists them\n")


@pytest.mark.parametrize(
    "wrong", [["--rounds", "0"], ["--top", "some"], ["--module", "os; print()"], ["--module", "a."]]
)
def test_a_wrong_option_is_said_at_once(small, wrong, capsys):
    with pytest.raises(SystemExit) as ended:
        importtree.main([*small, *wrong])
    assert ended.value.code == 2
    assert f"argument {wrong[0]}: '{wrong[1]}' is no" in capsys.readouterr().err


def environment(folder, code):
    """An environment of asv's whose Python ends with a code whatever it is to do."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexit {code}\n")
    python.chmod(0o755)
    (folder / "asv-env-info.json").write_text("{}")
    return python


def test_the_newest_complete_environment_of_asv_is_taken(tmp_path):
    fit = environment(tmp_path / "fit", 0)
    unfit = environment(tmp_path / "unfit", 1)
    half = environment(tmp_path / "half", 0)
    (half.parent.parent / "asv-env-info.json").unlink()
    os.utime(unfit.parent.parent / "asv-env-info.json", (2e9, 2e9))
    assert importtree.interpreter(tmp_path) == fit
    newer = environment(tmp_path / "newer", 0)
    os.utime(newer.parent.parent / "asv-env-info.json", (1.9e9, 1.9e9))
    assert importtree.interpreter(tmp_path) == newer


def test_without_asvs_environment_ones_own_python_will_do(tmp_path, monkeypatch):
    own = environment(tmp_path / "own", 0)
    monkeypatch.setattr(sys, "executable", str(own))
    assert importtree.interpreter(tmp_path / "none") == own
    own.write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(Failure, match="make bench makes one"):
        importtree.interpreter(tmp_path / "none")
