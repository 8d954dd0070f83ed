"""Which optimisation applies to which release, by the commands and by the document."""

import re

import pytest

from mfbench.foundation.git_command import commit_of, git
from mfbench.foundation.paths import ROOT
from mfbench.report import optimize_list
from mfbench.repository import applicability, optimize
from mfbench.repository.series import read_pulls, read_series
from optimizations import SERIES
from tests.repository.person import commit, state

NAMES = [each.name for each in SERIES]


def run(command, *arguments):
    command.main(list(arguments), standalone_mode=False)


def test_any_release_takes_the_series_on_a_branch_of_its_own(optimized, capsys):
    before = git(optimized, "show-ref")
    run(optimize.apply_command, "2.12.0")
    skipped = re.findall(r"^skipped (\w+)", capsys.readouterr().out, re.MULTILINE)
    # What came with a later release, there is nothing of to make faster.
    assert 0 < len(skipped) < len(SERIES)
    applied = git(optimized, "rev-list", "2.12.0..optimized-2.12.0").split()
    assert len(applied) == len(SERIES) - len(skipped)
    added = set(git(optimized, "show-ref").splitlines()) - set(before.splitlines())
    assert [each.partition(" ")[2] for each in added] == ["refs/heads/optimized-2.12.0"]


def test_what_does_not_apply_is_skipped_with_its_reason(optimized, capsys):
    first = read_series(optimized)[0]
    path = next(each for each in first.files if (optimized / each).exists())
    git(optimized, "checkout", "--quiet", "-b", "idea", "main")
    # It must still look like what is to be changed.
    commit(optimized, path, "broken)\n" + (optimized / path).read_text())
    run(optimize.apply_command, "idea")
    said = capsys.readouterr().out
    assert f"skipped {first.name}: {path}: line 1 is no Python" in said
    assert said.endswith(" commits on idea\n")
    git(optimized, "branch", "--force", "main", "idea")
    with pytest.raises(SystemExit) as ended:
        run(optimize.apply_command)
    assert ended.value.code == 1
    assert first.name not in {each.name for each in read_pulls(optimized)}
    assert commit_of(optimized, f"pr/{first.name}") is None


def test_list_shows_what_each_needs_adds_and_gains(optimized, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    before = state(optimized)
    run(optimize_list.command)
    lines = capsys.readouterr().out.splitlines()
    assert lines[: len(SERIES)] == [f"{each.name}: {each.title}" for each in SERIES]
    added = 0
    for pull in read_pulls(optimized):
        diff = git(optimized, "diff", pull.below, pull.hash, "--", "metaflow").splitlines()
        count = sum(line.startswith("+") and not line.startswith("+++ ") for line in diff)
        (row,) = (line for line in lines if line.startswith(f"│ {pull.name} "))
        assert f" {count} " in row and " of 4 " in row
        added += count
    assert lines[-1].startswith(f"in all: {added} added lines, ")
    assert state(optimized) == before


def test_check_shows_every_release_unless_some_are_named(optimized, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    before = state(optimized)
    run(optimize.check_command)
    table = capsys.readouterr().out
    assert all(name in table for name in NAMES)
    assert "4 of 4" in table and "2.10.4" in table
    run(optimize.check_command, "2.12.0", "main")
    assert "2 of 2" in capsys.readouterr().out
    assert state(optimized) == before


def test_releases_with_the_same_outcome_share_a_stretch():
    said = {"1": "", "2": "", "3": "no such function", "4": ""}
    found = {release: {"idea": refusal} for release, refusal in said.items()}
    assert applicability.rows(found) == [("idea", "3 of 4", "1 to 2, 4", "3: no such function")]


def test_the_document_says_that_all_apply_to_the_newest_release(optimized, some_releases):
    page = (ROOT / "docs" / "optimizations.md").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `(\w+)` \| \d+ of \d+ \| (.*?) \|", page, re.MULTILINE))
    assert list(documented) == NAMES
    assert all(releases.endswith(some_releases[-1].version) for releases in documented.values())
    assert applicability.outcomes(optimized, ["main"]) == {"main": dict.fromkeys(NAMES, "")}
