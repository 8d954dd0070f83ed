"""upstream/ is the same everywhere, and a person's work in it is safe."""

import os
import signal
import subprocess
import sys
import time

import pytest

from scripts import history, registry
from scripts.errors import Failure
from scripts.git_command import commit_of, git
from scripts.paths import ROOT
from scripts.releases import load


def test_hashes_are_reproducible_in_one_go_or_two(tmp_path, upstream, some_releases):
    other = tmp_path / "other"
    assert history.build(other, some_releases[:2]) == 2
    assert history.build(other, some_releases) == 2
    assert git(other, "show-ref") == git(upstream, "show-ref")
    assert history.build(other, some_releases) == 0


def test_each_release_is_a_dated_tagged_commit(upstream, some_releases):
    for release in some_releases:
        date = int(git(upstream, "log", "-1", "--format=%at", release.version))
        assert date == release.timestamp
    assert git(upstream, "rev-list", "--count", "main") == str(len(some_releases))
    assert git(upstream, "status", "--porcelain") == ""


def test_the_tree_is_the_sdist_without_build_metadata(upstream):
    files = git(upstream, "ls-tree", "-r", "--name-only", "2.19.39").splitlines()
    assert "metaflow/__init__.py" in files
    assert "setup.py" in files
    assert not [name for name in files if "egg-info" in name or name == "PKG-INFO"]


def test_a_persons_branch_and_work_survive_a_new_release(tmp_path, some_releases):
    repository = tmp_path / "upstream"
    history.build(repository, some_releases[:3])
    git(repository, "checkout", "--quiet", "-b", "idea")
    (repository / "setup.py").write_text("work in progress")
    history.build(repository, some_releases)
    assert (repository / "setup.py").read_text() == "work in progress"
    assert git(repository, "branch", "--show-current") == "idea"
    assert commit_of(repository, "main") == commit_of(repository, "2.19.39")


def test_a_release_that_is_looked_at_stays_checked_out(tmp_path, some_releases):
    repository = tmp_path / "upstream"
    history.build(repository, some_releases[:3])
    git(repository, "checkout", "--quiet", "2.12.0")
    assert history.build(repository, some_releases) == 1
    assert commit_of(repository, "HEAD") == commit_of(repository, "2.12.0")
    assert commit_of(repository, "main") == commit_of(repository, "2.19.39")


def test_a_newer_list_is_noticed(tmp_path, some_releases, monkeypatch):
    repository = tmp_path / "upstream"
    monkeypatch.setattr(history, "load", lambda: some_releases)
    history.build(repository, some_releases[:2])
    assert history.is_behind(repository)
    history.build(repository, some_releases)
    assert not history.is_behind(repository)


def test_uncommitted_work_on_main_stops_the_build(tmp_path, some_releases):
    repository = tmp_path / "upstream"
    history.build(repository, some_releases[:3])
    (repository / "setup.py").write_text("work in progress")
    with pytest.raises(Failure, match="uncommitted"):
        history.build(repository, some_releases)
    assert (repository / "setup.py").read_text() == "work in progress"


def test_commits_of_a_persons_own_on_main_stop_the_build(upstream, some_releases):
    (upstream / "setup.py").write_text("mine")
    identity = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
    git(upstream, *identity, "commit", "--quiet", "--all", "--message", "mine")
    mine = commit_of(upstream, "main")
    with pytest.raises(Failure, match="branch of their own") as failure:
        history.build(upstream, some_releases)
    assert commit_of(upstream, "main") == mine
    advice = str(failure.value).partition("cd upstream && ")[2]
    subprocess.run(advice, shell=True, cwd=upstream, check=True, capture_output=True)
    assert history.build(upstream, some_releases) == 0
    assert commit_of(upstream, "mine") == mine


def test_a_release_that_was_amended_on_main_stops_the_build(upstream, some_releases):
    (upstream / "setup.py").write_text("mine")
    identity = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
    git(upstream, *identity, "commit", "--quiet", "--all", "--amend", "--no-edit")
    mine = commit_of(upstream, "main")
    with pytest.raises(Failure, match="branch of their own") as failure:
        history.build(upstream, some_releases)
    advice = str(failure.value).partition("cd upstream && ")[2]
    subprocess.run(advice, shell=True, cwd=upstream, check=True, capture_output=True)
    assert history.build(upstream, some_releases) == 1
    assert commit_of(upstream, "mine") == mine
    assert commit_of(upstream, "main") == commit_of(upstream, "2.19.39") != mine


def test_a_persons_new_file_is_not_overwritten_by_a_release(tmp_path, upstream, some_releases):
    added = ["diff", "--name-only", "--diff-filter=A", "2.15.0", "2.19.39", "--", "metaflow"]
    path = git(upstream, *added).splitlines()[0]
    repository = tmp_path / "older" / "upstream"
    history.build(repository, some_releases[:3])
    (repository / path).parent.mkdir(parents=True, exist_ok=True)
    (repository / path).write_text("mine")
    with pytest.raises(Failure, match="overwritten"):
        history.build(repository, some_releases)
    assert (repository / path).read_text() == "mine"
    assert commit_of(repository, "main") == commit_of(repository, "2.15.0")
    (repository / path).unlink()
    assert history.build(repository, some_releases) == 1


@pytest.mark.parametrize("version", ["2.12.0", "2.19.39"])
def test_deleted_tag_comes_back(upstream, some_releases, version):
    expected = commit_of(upstream, version)
    git(upstream, "tag", "--delete", version)
    history.build(upstream, some_releases)
    assert commit_of(upstream, version) == expected


def test_a_folder_that_is_no_repository_is_left_alone(tmp_path):
    folder = tmp_path / "upstream"
    folder.mkdir()
    (folder / "mine").write_text("mine")
    with pytest.raises(Failure, match="move it away"):
        history.build(folder, load()[:1])
    assert (folder / "mine").read_text() == "mine"


def test_an_interrupted_build_leaves_nothing_behind(tmp_path, some_releases, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(history, "write_stream", interrupted)
    with pytest.raises(KeyboardInterrupt):
        history.build(tmp_path / "upstream", some_releases)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    assert history.build(tmp_path / "upstream", some_releases) == 4


BUILD = """
import sys
from pathlib import Path
from scripts import history, releases
from scripts.errors import run
sys.exit(run(lambda: history.build(Path(sys.argv[1]), releases.load()) and 0))
"""


def test_ctrl_c_while_releases_are_imported_ends_in_a_line(tmp_path):
    registry.fetch(load())
    build = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(tmp_path / "upstream")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    with build:
        # Made by git fast-import when it begins.
        while not list(tmp_path.glob(".upstream-*/upstream/.git/objects/pack/tmp_pack_*")):
            assert build.poll() is None
            time.sleep(0.05)
        os.killpg(build.pid, signal.SIGINT)
        said = "".join(build.communicate(timeout=60))
    assert "Traceback" not in said
    assert build.returncode == 130, said
    assert said.count("interrupted") == 1
    assert list(tmp_path.iterdir()) == []


def test_clone_renames_the_default_branch(tmp_path, upstream):
    git(upstream, "branch", "--move", "main", "master")
    history.clone(tmp_path / "clone", str(upstream))
    assert commit_of(tmp_path / "clone", "main") == commit_of(upstream, "master")
    assert history.build(tmp_path / "clone", load()) == 0
    with pytest.raises(Failure, match="exists"):
        history.clone(tmp_path / "clone", str(upstream))


def test_a_clone_of_no_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "UPSTREAM", tmp_path / "upstream")
    with pytest.raises(Failure, match="--clone names no repository"):
        history.main(["--clone", ""])
    assert list(tmp_path.iterdir()) == []


def test_a_clone_of_nothing_says_so_in_a_line(tmp_path):
    with pytest.raises(Failure, match=r"could not clone .*nowhere"):
        history.clone(tmp_path / "upstream", str(tmp_path / "nowhere"))
    assert list(tmp_path.iterdir()) == []
