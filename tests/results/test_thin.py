"""`mfbench results thin`: what goes, what stays, and that git keeps what goes."""

import json

import pytest

from mfbench.foundation.git_command import commit_of, git
from mfbench.repository.commits import NewCommit, message_of, write_commits
from mfbench.repository.control import write_control
from mfbench.results import thin
from tests.command_line import mfbench
from tests.repository.person import PERSON

A_DAY = thin.A_DAY
MONDAY = 1_578_268_800  # 2020-01-06
LATER = MONDAY + 100 * A_DAY


@pytest.fixture
def commits(upstream):
    """A commit a day for three weeks, on a branch of its own."""
    new = [NewCommit(f"Change {day}\n", {}, MONDAY + day * A_DAY) for day in range(21)]
    made = write_commits(upstream, commit_of(upstream, "main"), new)
    git(upstream, "branch", "mine", made[-1])
    return made


@pytest.fixture
def results(tmp_path):
    """The results of no machine yet."""
    (tmp_path / "records").mkdir()
    return tmp_path / "results"


def measure(results, machine, commits):
    """Store a file for each commit; what it holds does not matter here."""
    (results / machine).mkdir(parents=True, exist_ok=True)
    (results / machine / "machine.json").write_text("{}")
    for commit in commits:
        (results / machine / f"{commit[:8]}-pinned.json").write_text("{}")


def days_of(files, commits, machine="one"):
    """Return which days' commits some files are of."""
    hashes = [each[:8] for each in commits]
    return {hashes.index(path.name[:8]) for path in files if path.parent.name == machine}


def test_one_commit_a_week_stays_and_the_tip_of_a_branch(results, upstream, commits):
    measure(results, "one", commits)
    measure(results, "two", [commits[2], commits[5], commits[8]])
    measure(results, "ci", commits)
    gone = thin.superfluous(results, upstream, LATER)
    assert days_of(gone, commits) == set(range(20)) - {0, 7, 14}
    assert days_of(gone, commits, "two") == {5}
    assert {path.parent.name for path in gone} == {"one", "two"}
    # Removing them leaves nothing to remove, and a younger commit is not old.
    for path in gone:
        path.unlink()
    assert thin.superfluous(results, upstream, LATER) == []


def test_young_commits_stay(results, upstream, commits):
    measure(results, "one", commits)
    gone = thin.superfluous(results, upstream, MONDAY + 9 * A_DAY)
    assert days_of(gone, commits) == {1, 2, 3, 4, 5, 6, 8, 9}


def test_what_somebody_may_compare_stays(results, upstream, commits):
    git(upstream, "tag", "2.100.0", commits[1])
    written = message_of("Do it faster", "Why.", "faster")
    (faster,) = write_commits(upstream, commits[2], [NewCommit(written, {}, MONDAY)])
    git(upstream, "update-ref", "refs/metaflow-benchmarks/old", faster)
    named = {"before": {"commit": commits[3]}}
    (results.parent / "records" / "imports.json").write_text(json.dumps(named))
    pair = results.parent / "records" / "pyperf" / f"{commits[4][:8]}..{commits[5][:8]}"
    pair.mkdir(parents=True)
    (pair / "base.json").write_text("{}")
    controls = [write_control(upstream, commits[day]) for day in (6, 7, 8)]
    measure(results, "one", [*commits, faster, *controls])
    everything = [*commits, faster, *controls]
    gone = days_of(thin.superfluous(results, upstream, LATER), everything)
    assert gone.isdisjoint({1, 2, 3, 4, 5, 7, everything.index(faster)})
    # The control of a commit goes with it.
    assert {6, everything.index(controls[0]), 8, everything.index(controls[2])} <= gone
    assert everything.index(controls[1]) not in gone


def test_the_command_removes_only_what_git_keeps(results, upstream, commits, monkeypatch):
    monkeypatch.setattr(thin, "RESULTS", results)
    monkeypatch.setattr(thin, "UPSTREAM", upstream)
    measure(results, "one", commits[:2])
    # A repository of its own.
    git(results, "init", "--quiet")
    git(results, "add", "--all")
    git(results, *PERSON, "commit", "--quiet", "--message", "results")
    measure(results, "one", commits[2:4])
    changed = results / "one" / f"{commits[1][:8]}-pinned.json"
    said = mfbench("results", "thin").stdout
    assert said.splitlines()[-1] == "3 files can go; remove them with --write"
    assert f"one/{changed.name}\n" in said and changed.exists()
    assert mfbench("results", "thin", "--keep-days", 100_000).stdout.startswith("0 files can go")
    changed.write_text("[]")
    said = mfbench("results", "thin", "--write").stdout
    assert said.count("once you commit the file") == 3 and changed.exists()
    changed.write_text("{}")
    said = mfbench("results", "thin", "--write").stdout
    assert f"one/{changed.name}: it is between releases; the file is removed" in said
    assert days_of((results / "one").glob("*-*.json"), commits) == {0, 2, 3}
    assert git(results, "show", f"HEAD:one/{changed.name}") == "{}"
