"""The series as commits: the same everywhere, and nobody's work is lost."""

from itertools import pairwise

import pytest

import optimizations
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of, git
from mfbench.repository import kept_changes, series
from mfbench.repository.control import control_of, write_control
from optimizations import SERIES
from optimizations.edits import DoesNotApply, Optimization
from tests.repository.person import commit, state


def head(repository):
    return git(repository, "branch", "--show-current")


def go_back(repository):
    """Leave branch optimized as an older series would: one commit short."""
    git(repository, "reset", "--quiet", "--hard", "optimized~1")


def test_the_series_is_checked_out_and_a_second_build_changes_nothing(optimized):
    assert head(optimized) == "optimized" and not git(optimized, "status", "--porcelain")
    log = ["log", "--reverse", "main..optimized"]
    assert git(optimized, *log, "--format=%s").splitlines() == [each.title for each in SERIES]
    seconds = git(optimized, "log", "--format=%ct", f"-{len(SERIES) + 1}").split()
    assert {int(later) - int(earlier) for later, earlier in pairwise(seconds)} == {60}
    before = state(optimized)
    series.build_series(optimized)
    assert state(optimized) == before


@pytest.mark.slow
def test_two_builds_have_the_same_hashes(optimized, upstream, tmp_path_factory, monkeypatch):
    home = tmp_path_factory.mktemp("home")
    hook = upstream / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir()
    hook.write_text(f"#!/bin/sh\ntouch {home}/ran\n")
    hook.chmod(0o755)
    (home / ".gitconfig").write_text(
        "[core]\nautocrlf = true\n[user]\nname = X\n[i18n]\ncommitEncoding = latin1\n"
    )
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Somebody Else")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    # An empty cache: the series is applied anew.
    monkeypatch.setenv("METAFLOW_BENCHMARKS_CACHE", str(home / "cache"))
    assert series.build_series(upstream) == series.build_series(optimized)
    assert git(upstream, "show-ref") == git(optimized, "show-ref")
    assert not (home / "ran").exists()
    assert len(list((home / "cache").glob("series/*/*"))) == 1


def test_reading_the_series_writes_nothing_and_leaves_out_a_persons_commits(optimized, upstream):
    main = series.find_commit(optimized, "main")
    expected = [write(optimized, main) for write in (series.write_series, series.write_pulls)]
    for branch in ("optimized", f"pr/{SERIES[0].name}"):
        git(optimized, "checkout", "--quiet", branch)
        commit(optimized, "idea.py")
    before = state(optimized)
    assert [read(optimized) for read in (series.read_series, series.read_pulls)] == expected
    assert state(optimized) == before
    with pytest.raises(Failure, match=r"has no branch optimized; build it with: mfbench setup"):
        series.read_series(upstream)


def test_a_series_of_other_sources_is_stale(optimized, upstream, monkeypatch):
    assert not series.is_stale(optimized)
    assert series.is_stale(upstream)
    monkeypatch.setattr(series, "sources_fingerprint", lambda: "other")
    assert series.is_stale(optimized)
    series.build_series(optimized)
    assert not series.is_stale(optimized)


def test_the_control_is_computed_as_it_is_written(optimized):
    main = control_of(optimized, series.find_commit(optimized, "main"))
    assert commit_of(optimized, "refs/metaflow-benchmarks/control/main") == main
    base = series.find_commit(optimized, "2.12.0")
    before = state(optimized)
    computed = control_of(optimized, base)
    assert state(optimized) == before and commit_of(optimized, computed) is None
    assert write_control(optimized, base) == computed
    assert commit_of(optimized, f"{computed}~1") == base
    assert git(optimized, "for-each-ref", "--contains", computed)


def test_a_persons_commits_are_kept_and_an_older_series_is_not(optimized, capsys):
    tip = commit_of(optimized, "optimized")
    for number, name in enumerate(("idea.py", "other.py"), 1):
        mine = commit(optimized, name)
        series.build_series(optimized)
        assert commit_of(optimized, "optimized") == tip and head(optimized) == "optimized"
        assert commit_of(optimized, f"optimized-kept-{number}") == mine
        assert f"optimized-kept-{number}" in capsys.readouterr().err
    go_back(optimized)
    series.build_series(optimized)
    assert commit_of(optimized, "optimized") == tip == commit_of(optimized, "HEAD")
    assert capsys.readouterr().err == ""


def test_each_optimisation_has_a_branch_of_its_own_on_what_it_needs(
    upstream, monkeypatch, tmp_path
):
    def edit(name, *needs, path="metaflow/util.py", refuse=False):
        def apply(tree):
            if refuse:
                raise DoesNotApply(f"{path}: not found")
            tree[path].add_import(f"import {name}")

        return Optimization(name, f"Import {name}.", apply, needs=needs)

    def built(*made):
        monkeypatch.setattr(optimizations, "SERIES", made)
        monkeypatch.setattr(kept_changes, "sources_fingerprint", lambda: str(len(fingerprints)))
        fingerprints.append(made)
        series.build_series(upstream)
        return {each.name: commit_of(upstream, f"refs/heads/pr/{each.name}") for each in made}

    def imports(commit):
        lines = git(upstream, "show", f"{commit}:metaflow/util.py").splitlines()
        return {name for name in ("cgi", "dis", "sched", "tty") if f"import {name}" in lines}

    monkeypatch.setenv("METAFLOW_BENCHMARKS_CACHE", str(tmp_path / "cache"))
    fingerprints = []
    cgi, dis, tty = edit("cgi"), edit("dis"), edit("tty", "cgi", "dis")
    found = built(cgi, dis, edit("sched"), tty)
    assert {name: imports(commit) for name, commit in found.items()} == {
        "cgi": {"cgi"}, "dis": {"dis"}, "sched": {"sched"}, "tty": {"cgi", "dis", "tty"}
    }  # fmt: skip
    assert imports("optimized") == set(found)
    titles = git(upstream, "log", "--reverse", "--format=%s", "main..pr/tty").splitlines()
    assert titles == ["Import cgi", "Import dis", "Import tty"]
    # Whatever else there is, a branch stays as it is.
    assert built(dis, cgi, tty)["dis"] == found["dis"]
    assert commit_of(upstream, "refs/heads/pr/sched") is None
    # What needs one that does not apply does not apply either.
    assert built(edit("cgi", refuse=True), dis, tty) == {
        "cgi": None,
        "dis": found["dis"],
        "tty": None,
    }
    said = {
        each.name: each.refusal
        for each in series.write_pulls(upstream, commit_of(upstream, "main"))
    }
    assert said["tty"] == "needs cgi (metaflow/util.py: not found)"


def test_a_persons_commits_on_a_branch_of_an_optimisation_are_kept(optimized, monkeypatch, capsys):
    needed = {need for each in SERIES for need in each.needs}
    name, *_, other = [each.name for each in SERIES if each.name not in needed]
    ours = commit_of(optimized, f"pr/{name}")
    git(optimized, "checkout", "--quiet", f"pr/{name}")
    mine = commit(optimized, "idea.py")
    git(optimized, "checkout", "--quiet", "-b", "pr/mine", f"pr/{other}")
    new = commit(optimized, "idea.py")
    git(optimized, "branch", "pr/kept", f"pr/{other}")
    series.build_series(optimized)
    assert commit_of(optimized, f"pr/{name}") == ours
    assert (
        commit_of(optimized, f"pr/{name}-kept-1") == mine and "-kept-1" in capsys.readouterr().err
    )
    assert commit_of(optimized, "pr/mine") == new
    # A branch that a person gave another name, or committed on, is no stale one of ours.
    git(optimized, "checkout", "--quiet", f"pr/{other}")
    theirs = commit(optimized, "other.py")
    monkeypatch.setenv("METAFLOW_BENCHMARKS_CACHE", str(optimized / "cache"))
    monkeypatch.setattr(
        optimizations, "SERIES", [each for each in SERIES if each.name not in (name, other)]
    )
    monkeypatch.setattr(kept_changes, "sources_fingerprint", lambda: "fewer")
    series.build_series(optimized)
    assert commit_of(optimized, f"refs/heads/pr/{name}") is None
    assert commit_of(optimized, f"pr/{other}") == theirs
    assert commit_of(optimized, f"pr/{name}-kept-1") == mine and commit_of(optimized, "pr/kept")


def test_uncommitted_changes_stop_it_only_if_they_would_be_lost(optimized):
    files = series.read_series(optimized)[-1].files
    changed = next(each for each in files if each.startswith("metaflow/"))
    (optimized / changed).write_text("mine\n")
    series.build_series(optimized)
    go_back(optimized)
    before = commit_of(optimized, "optimized")
    (optimized / changed).write_text("mine\n")
    with pytest.raises(Failure, match=rf"overwritten by checkout: {changed} .* or stash them"):
        series.build_series(optimized)
    assert (optimized / changed).read_text() == "mine\n"
    assert commit_of(optimized, "optimized") == before


@pytest.mark.parametrize(
    ("checkout", "where"),
    [(["-b", "idea", "main"], "idea"), (["--detach", "main"], "a commit without a branch")],
)
def test_what_a_person_has_checked_out_stays(optimized, capsys, checkout, where):
    tip = commit_of(optimized, "optimized")
    go_back(optimized)
    git(optimized, "checkout", "--quiet", *checkout)
    mine = commit(optimized, "idea.py")
    (optimized / "staged.py").write_text("staged\n")
    git(optimized, "add", "staged.py")
    status = git(optimized, "status", "--porcelain")
    series.build_series(optimized)
    assert commit_of(optimized, "HEAD") == mine
    assert git(optimized, "status", "--porcelain") == status
    assert commit_of(optimized, "optimized") == tip
    assert f"stays on {where}; the series is on optimized" in capsys.readouterr().err


def test_an_unknown_revision_suggests_near_ones(optimized, some_releases):
    newest = some_releases[-1].version
    with pytest.raises(Failure, match=rf"unknown revision {newest[:-1]}; .* {newest}"):
        series.find_commit(optimized, newest[:-1])


def test_where_a_branch_left_another_one_is_a_revision_too(upstream, tmp_path):
    left = commit_of(upstream, "main")
    git(upstream, "checkout", "--quiet", "-b", "idea")
    idea = commit(upstream, "idea.py")
    git(upstream, "checkout", "--quiet", "main")
    commit(upstream, "other.py")
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", "upstream", "clone")
    for repository in (upstream, clone):
        # In a clone, a branch is its origin's until somebody checks it out.
        assert series.find_commit(repository, "idea") == idea
        for revision in ("main...idea", "idea...main", "...idea"):
            assert series.find_commit(repository, revision) == left
    with pytest.raises(Failure, match="unknown revision ides"):
        series.find_commit(clone, "main...ides")
