"""The series as commits: the same everywhere, quick when done, and nobody's work lost."""

import json
import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from optimizations import SERIES
from scripts import optimize, series
from scripts.errors import Failure
from scripts.git_command import commit_of, git, is_clean
from scripts.optimize import build_series, commits_without_results, export

PERSON = ["-c", "user.name=A Person", "-c", "user.email=person@example.org"]


@pytest.fixture(scope="session")
def built_series(made_once, built_upstream):
    """A repository of the four releases with the series on it; copy it before changing it."""

    def make(folder):
        shutil.copytree(built_upstream, folder / "upstream", symlinks=True)
        build_series(folder / "upstream")

    return made_once("series", make) / "upstream"


@pytest.fixture
def optimized(tmp_path, built_series, monkeypatch):
    """A copy of it for one test, which the command line works on as well."""
    repository = Path(
        shutil.copytree(built_series, tmp_path / "optimized" / "upstream", symlinks=True)
    )
    git(repository, "update-index", "-q", "--refresh")
    monkeypatch.setattr(optimize, "UPSTREAM", repository)
    return repository


def head(repository):
    return git(repository, "symbolic-ref", "--short", "HEAD")


def commit(repository, name, text="mine\n"):
    """Commit a file as a person does; returns the hash."""
    (repository / name).write_text(text)
    git(repository, "add", name)
    git(repository, *PERSON, "commit", "--quiet", "--message", f"my {name}")
    return commit_of(repository, "HEAD")


def go_back(repository):
    """Leave branch optimized as an older series would: one commit short."""
    git(repository, "reset", "--quiet", "--hard", "optimized~1")


def test_the_series_is_checked_out_on_main(optimized):
    assert head(optimized) == "optimized" and is_clean(optimized)
    subjects = git(optimized, "log", "--reverse", "--format=%s", "main..optimized").splitlines()
    assert subjects == [optimization.title for optimization in SERIES]
    who = git(optimized, "log", "--format=%an %ae %cn %ce", "main..optimized").splitlines()
    assert set(who) == {" ".join(["metaflow-benchmarks", "metaflow-benchmarks@localhost"] * 2)}
    assert git(optimized, "rev-parse", "main^{tree}") == git(
        optimized, "rev-parse", f"optimized~{len(SERIES) - 1}^{{tree}}"
    )
    seconds = [
        int(line)
        for line in git(optimized, "log", "--format=%ct", f"-{len(SERIES) + 1}").splitlines()
    ]
    assert [after - before for after, before in pairwise(seconds)] == [60] * len(SERIES)


def test_two_builds_have_the_same_hashes(optimized, upstream, tmp_path_factory, monkeypatch):
    other = tmp_path_factory.mktemp("other") / "upstream"
    shutil.copytree(upstream, other, symlinks=True)
    home = tmp_path_factory.mktemp("home")
    (home / "hook").mkdir()
    (home / "hook" / "post-checkout").write_text(f"#!/bin/sh\ntouch {home}/ran\n")
    (home / "hook" / "post-checkout").chmod(0o755)
    (home / ".gitconfig").write_text(
        f"[user]\nname = X\nemail = x@example.org\n[commit]\ngpgSign = true\n"
        f"[core]\nautocrlf = true\nhooksPath = {home}/hook\n[i18n]\ncommitEncoding = latin1\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    # Nothing is known there of what the series makes of a release: it is applied anew.
    monkeypatch.setenv("METAFLOW_BENCHMARKS_CACHE", str(home / "cache"))
    built = build_series(other)
    assert [each.hash for each in built] == [each.hash for each in build_series(optimized)]
    assert not (home / "ran").exists()
    assert len(list((home / "cache").glob("series/*/*"))) == 1


def test_nothing_to_do_writes_nothing(optimized):
    def state():
        objects = sorted((optimized / ".git").rglob("*"))
        return [(path, path.stat().st_mtime_ns) for path in objects if path.name != "index"]

    before = state()
    build_series(optimized)
    assert state() == before


def test_a_damaged_note_is_written_anew(optimized):
    stamp = optimized / ".git" / series.STAMP
    expected = json.loads(stamp.read_text())
    for damaged in ("", "{", "[]", '{"fingerprint": "x"}'):
        stamp.write_text(damaged)
        build_series(optimized)
        assert json.loads(stamp.read_text()) == expected


def test_a_note_of_vanished_commits_is_not_believed(upstream, optimized):
    shutil.copy(optimized / ".git" / series.STAMP, upstream / ".git" / series.STAMP)
    build_series(upstream)
    assert commit_of(upstream, "optimized") == commit_of(optimized, "optimized")


def test_a_persons_commits_are_kept(optimized, capsys):
    tip = commit_of(optimized, "optimized")
    mine = commit(optimized, "idea.py")
    build_series(optimized)
    assert commit_of(optimized, "optimized") == tip and head(optimized) == "optimized"
    assert commit_of(optimized, "optimized-kept-1") == mine
    assert "optimized-kept-1" in capsys.readouterr().err
    second = commit(optimized, "other.py")
    build_series(optimized)
    assert commit_of(optimized, "optimized-kept-1") == mine
    assert commit_of(optimized, "optimized-kept-2") == second


def test_an_older_series_is_replaced_without_ado(optimized, capsys):
    tip = commit_of(optimized, "optimized")
    go_back(optimized)
    assert commit_of(optimized, "optimized") != tip
    build_series(optimized)
    assert commit_of(optimized, "optimized") == tip and is_clean(optimized)
    assert "kept" not in git(optimized, "branch", "--list") + capsys.readouterr().out


def test_uncommitted_changes_stop_it_only_if_something_would_change(optimized):
    go_back(optimized)
    (optimized / "README.md").write_text("mine\n")
    before = commit_of(optimized, "optimized")
    with pytest.raises(Failure, match=r"uncommitted changes; commit them .* or stash"):
        build_series(optimized)
    assert (optimized / "README.md").read_text() == "mine\n"
    assert commit_of(optimized, "optimized") == before
    git(optimized, "checkout", "--quiet", "README.md")
    build_series(optimized)
    (optimized / "README.md").write_text("mine\n")
    build_series(optimized)
    assert (optimized / "README.md").read_text() == "mine\n"


def test_a_persons_branch_stays_checked_out(optimized, capsys):
    tip = commit_of(optimized, "optimized")
    go_back(optimized)
    git(optimized, "checkout", "--quiet", "-b", "idea", "main")
    (optimized / "README.md").write_text("uncommitted\n")
    (optimized / "staged.py").write_text("staged\n")
    git(optimized, "add", "staged.py")
    status = git(optimized, "status", "--porcelain")
    build_series(optimized)
    assert head(optimized) == "idea" and git(optimized, "status", "--porcelain") == status
    assert commit_of(optimized, "optimized") == tip
    assert "stays on idea" in capsys.readouterr().err


def test_what_a_person_looks_at_stays_checked_out(optimized):
    git(optimized, "checkout", "--quiet", "--detach", "main")
    mine = commit(optimized, "idea.py")
    build_series(optimized)
    assert commit_of(optimized, "HEAD") == mine
    for name in ("main", "2.15.0"):
        git(optimized, "checkout", "--quiet", "--detach", name)
        build_series(optimized)
        assert commit_of(optimized, "HEAD") == commit_of(optimized, name)


def test_any_release_takes_the_series_on_a_branch_of_its_own(optimized, capsys):
    tip = commit_of(optimized, "optimized")
    assert optimize.main(["--onto", "2.12.0"]) == 0
    # What came with later releases is not there to be made faster.
    skipped = re.findall(r"^skipped (\w+)", capsys.readouterr().out, re.MULTILINE)
    named = [
        "defer_yaml",
        "lazy_plugins",
        "plugins_by_name",
        "package_on_demand",
        "temporary_names",
    ]
    assert skipped == named
    assert git(optimized, "merge-base", "optimized-2.12.0", "main") == commit_of(
        optimized, "2.12.0"
    )
    assert git(optimized, "rev-list", "--count", "2.12.0..optimized-2.12.0") == str(
        len(SERIES) - len(skipped)
    )
    assert commit_of(optimized, "optimized") == tip and head(optimized) == "optimized"


def test_what_does_not_apply_is_skipped_with_its_reason(optimized, capsys):
    git(optimized, "checkout", "--quiet", "-b", "idea", "main")
    path = optimized / "metaflow" / "multicore_utils.py"
    text = path.read_text().replace("WNOHANG", "WNOHANG | 0")
    commit(optimized, "metaflow/multicore_utils.py", text)
    assert optimize.main(["--onto", "idea"]) == 0
    out = capsys.readouterr().out
    assert "skipped event_waiting: metaflow/multicore_utils.py: parallel_imap_unordered" in out
    assert git(optimized, "rev-list", "--count", "idea..optimized-idea") == str(len(SERIES) - 1)
    git(optimized, "branch", "--force", "main", "idea")
    assert optimize.main([]) == 1
    with pytest.raises(Failure, match="unknown revision"):
        optimize.main(["--onto", "no-such-branch"])


def test_an_unknown_revision_suggests_near_ones(optimized):
    with pytest.raises(Failure, match=r"unknown revision 2\.19\.3;.* 2\.19\.39"):
        build_series(optimized, "2.19.3", "optimized-2.19.3")


def test_a_missing_repository_or_git_is_named(tmp_path, optimized, monkeypatch):
    with pytest.raises(Failure, match="upstream/ is missing; build it with"):
        build_series(tmp_path / "nowhere" / "upstream")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Failure, match="git is missing; install it"):
        build_series(optimized)


def test_exported_patches_apply_to_the_release(optimized, tmp_path):
    measured = {"defer_requests": ["import metaflow: 3 -> 2, 1.5×"]}
    patches = export(optimized, "main", tmp_path / "patches", measured)
    # The control is empty, and no patch.
    assert [int(path.name[:4]) for path in patches] == list(range(1, len(SERIES)))
    assert all(git(optimized, "--version").split()[-1] not in path.read_text() for path in patches)
    fresh = tmp_path / "fresh"
    git(tmp_path, "init", "--quiet", "fresh")
    archive = subprocess.run(
        ["git", "-C", optimized, "archive", "main"], capture_output=True, check=True
    )
    subprocess.run(["tar", "-x", "-C", fresh], input=archive.stdout, check=True)
    git(fresh, "add", "--all", "--force")
    git(fresh, *PERSON, "commit", "--quiet", "--message", "released")
    git(fresh, *PERSON, "am", "--quiet", *map(str, patches))
    assert git(fresh, "rev-parse", "HEAD:metaflow") == git(
        optimized, "rev-parse", "optimized:metaflow"
    )
    texts = git(fresh, "log", "--format=%b%x00").split("\0")
    said = next(text for text in texts if "Optimization: defer_requests" in text)
    assert "- import metaflow: 3 -> 2, 1.5×" in said


def test_export_is_repeatable_and_refuses_a_folder_with_other_patches(optimized, tmp_path):
    folder = tmp_path / "patches"
    first = {path.name: path.read_bytes() for path in export(optimized, "2.12.0", folder)}
    again = {path.name: path.read_bytes() for path in export(optimized, "2.12.0", folder)}
    assert first == again
    (folder / "0009-other.patch").write_text("mine")
    with pytest.raises(Failure, match=r"holds other patches \(0009-other.patch\)"):
        export(optimized, "2.12.0", folder)


def test_export_refuses_what_is_no_folder_and_what_is_no_release(optimized, tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(Failure, match=r"file is a file; name a folder"):
        optimize.main(["--export", str(tmp_path / "file")])
    assert (tmp_path / "file").read_text() == "mine"
    with pytest.raises(NotADirectoryError):
        optimize.main(["--export", str(tmp_path / "file" / "patches")])
    with pytest.raises(Failure, match=r"unknown revision 3\.0"):
        optimize.main(["--onto", "3.0", "--export", str(tmp_path / "patches")])
    assert capsys.readouterr().out == "" and not (tmp_path / "patches").exists()


def test_commits_without_results_are_named(optimized, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(optimize, "RESULTS", tmp_path / "results")
    built = build_series(optimized)
    assert commits_without_results(optimized, tmp_path / "results") == built
    for each in built[:-1]:
        result = tmp_path / "results" / "machine" / f"{each.hash[:8]}-environment.json"
        result.parent.mkdir(parents=True, exist_ok=True)
        result.write_text("{}")
    assert commits_without_results(optimized, tmp_path / "results") == built[-1:]
    assert optimize.main(["--missing-results"]) == 1
    assert f"no results: {built[-1].hash[:8]} {built[-1].name}" in capsys.readouterr().out
    (tmp_path / "results" / "machine" / f"{built[-1].hash[:8]}-e.json").write_text("{}")
    assert optimize.main(["--missing-results"]) == 0


def test_list_names_every_optimisation_and_its_files(optimized, capsys):
    assert optimize.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for number, optimization in enumerate(SERIES, 1):
        assert f"{number}. {optimization.name}: {optimization.title}" in lines
    assert "     metaflow/multicore_utils.py" in lines


def test_check_tells_what_applies_where(optimized, capsys):
    tips = git(optimized, "for-each-ref")
    assert optimize.main(["--check"]) == 0
    table = "".join(capsys.readouterr().out.split())
    # A narrow terminal breaks names, and puts other columns between their halves.
    assert all(each.name[:6] in table for each in SERIES) and "2.10.4" in table
    assert git(optimized, "for-each-ref") == tips
    with pytest.raises(Failure, match=r"unknown revision 3\.0"):
        optimize.main(["--check", "3.0"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_repository_is_an_error_of_the_system(optimized):
    (optimized / ".git" / series.STAMP).unlink()
    (optimized / ".git").chmod(0o555)
    try:
        with pytest.raises((Failure, OSError)):
            build_series(optimized)
    finally:
        (optimized / ".git").chmod(0o755)


def test_command_line_ends_in_one_line_on_bad_input():
    root = Path(optimize.__file__).parent.parent
    command = [sys.executable, "-m", "scripts.optimize", "--onto", "no-such-release"]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert said.returncode == 3
    assert said.stderr.startswith("error: ") and said.stderr.count("\n") == 1


def test_results_of_ci_are_no_results(optimized, tmp_path):
    tip = commit_of(optimized, "optimized")
    for machine, missing in (("ci", len(SERIES)), ("reference", len(SERIES) - 1)):
        (tmp_path / "results" / machine).mkdir(parents=True)
        (tmp_path / "results" / machine / f"{tip[:8]}-environment.json").write_text("{}")
        assert len(commits_without_results(optimized, tmp_path / "results")) == missing


def test_a_release_that_is_not_python_is_refused_by_name(optimized):
    git(optimized, "checkout", "--quiet", "-b", "broken", "main")
    path = "metaflow/multicore_utils.py"
    commit(optimized, path, "def broken(:\n")
    refusals = {
        each.name: each.refusal for each in build_series(optimized, "broken", "optimized-x")
    }
    assert refusals["event_waiting"].startswith(f"{path}: line 1 is no Python")
