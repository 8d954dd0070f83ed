"""upstream/ is the same everywhere, and a person's work in it is safe."""

import subprocess
from unittest.mock import Mock

import pytest

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of, git
from mfbench.repository import build, sdist_import
from mfbench.repository.releases import load
from tests.repository.person import commit


@pytest.fixture
def older(tmp_path, some_releases):
    """A repository that lacks the newest release."""
    repository = tmp_path / "older" / "upstream"
    build.build(repository, some_releases[:3])
    return repository


def test_a_new_release_is_added_and_hashes_are_the_same_in_one_step_or_two(
    older, upstream, some_releases
):
    assert build.is_behind(older)
    for _ in range(2):
        build.build(older, some_releases)
        assert not build.is_behind(older)
        assert git(older, "show-ref") == git(upstream, "show-ref")


def test_each_release_is_a_dated_tagged_commit_of_its_sdist(upstream, some_releases):
    for release in some_releases:
        date = int(git(upstream, "log", "-1", "--format=%at", release.version))
        assert date == release.timestamp
    assert git(upstream, "rev-list", "--count", "main") == str(len(some_releases))
    assert git(upstream, "status", "--porcelain") == ""
    files = git(upstream, "ls-tree", "-r", "--name-only", "main").splitlines()
    assert {"metaflow/__init__.py", "setup.py"} <= set(files)
    assert not [name for name in files if "egg-info" in name or name == "PKG-INFO"]


def test_a_persons_branch_and_work_survive_a_new_release(older, some_releases):
    before = commit_of(older, "main")
    (older / "setup.py").write_text("work in progress")
    with pytest.raises(Failure, match=r"changes to .* would be overwritten by merge: setup\.py"):
        build.build(older, some_releases)
    assert commit_of(older, "main") == before
    git(older, "checkout", "--quiet", "-b", "idea")
    build.build(older, some_releases)
    assert (older / "setup.py").read_text() == "work in progress"
    assert git(older, "branch", "--show-current") == "idea"
    assert commit_of(older, "main") == commit_of(older, some_releases[-1].version)


@pytest.mark.parametrize("options", [["--message", "mine"], ["--amend", "--no-edit"]])
def test_a_persons_commit_on_main_stops_the_build(upstream, some_releases, options):
    released = commit_of(upstream, "main")
    mine = commit(upstream, "setup.py", "mine", *options)
    with pytest.raises(Failure, match="branch of their own") as failure:
        build.build(upstream, some_releases)
    assert commit_of(upstream, "main") == mine
    advice = str(failure.value).partition("cd upstream && ")[2]
    subprocess.run(advice, shell=True, cwd=upstream, check=True, capture_output=True)
    build.build(upstream, some_releases)
    assert commit_of(upstream, "mine") == mine
    assert commit_of(upstream, "main") == released


def test_a_missing_repository_is_not_built_by_readers(tmp_path, upstream):
    build.require(upstream)
    with pytest.raises(Failure, match=r"upstream/ is missing; build it with: mfbench setup"):
        build.require(tmp_path / "nowhere" / "upstream")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("made", "raised"), [(KeyboardInterrupt, "KeyboardInterrupt"), ([b"nonsense\n"], "refused")]
)
def test_an_import_that_is_stopped_leaves_nothing(
    tmp_path, some_releases, monkeypatch, made, raised
):
    monkeypatch.setattr(sdist_import, "commit_of_release", Mock(side_effect=made))
    with pytest.raises((KeyboardInterrupt, Failure)) as stopped:
        build.build(tmp_path / "upstream", some_releases[:1])
    assert raised in repr(stopped.value)
    assert list(tmp_path.iterdir()) == []


def test_a_clone_follows_the_default_branch_of_its_origin_and_no_releases_are_added(
    tmp_path, upstream, capsys
):
    git(upstream, "branch", "--move", "main", "master")
    clone = tmp_path / "clone"
    for checked_out in ("main", "main", "idea"):
        build.clone(clone, str(upstream))
        build.build(clone, load())
        assert commit_of(clone, "main") == commit_of(upstream, "master")
        git(clone, "checkout", "--quiet", "-B", checked_out)
        new = commit(upstream, f"{checked_out}.py", f"since {commit_of(upstream, 'master')}\n")
        git(upstream, "tag", "--force", "new", new)
    assert not build.is_behind(clone)
    git(clone, "checkout", "--quiet", "main")
    mine = commit(clone, "mine.py")
    build.refresh(clone)
    assert "main has local commits, so it was not moved" in capsys.readouterr().err
    assert (commit_of(clone, "main"), commit_of(clone, "origin/master")) == (mine, new)
    with pytest.raises(Failure, match="clone/ exists already; move it away"):
        build.clone(clone, str(tmp_path / "elsewhere"))


def test_a_clone_of_nothing_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "UPSTREAM", tmp_path / "upstream")
    with pytest.raises(Failure, match="git could not fetch from nowhere"):
        build.command.main(["--clone", "nowhere"], standalone_mode=False)
    assert list(tmp_path.iterdir()) == []
