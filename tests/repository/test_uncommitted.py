"""Uncommitted work becomes a commit, and nothing that a person sees in upstream/ changes."""

import os
import shutil

import pytest

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of, git
from mfbench.repository.uncommitted import write_changes, write_package
from tests.repository.person import commit


def listed(repository, revision):
    """The files that differ between a revision and the one below it, and their modes."""
    differing = git(repository, "diff", "--raw", "--no-renames", f"{revision}~1", revision)
    return {line.split("\t")[1]: line.split()[1] for line in differing.splitlines()}


def seen(repository):
    """What a person has: the state of each file, the index and the branches."""
    status = git(repository, "status", "--short")
    branches = git(repository, "for-each-ref", "refs/heads", "refs/tags")
    index = (repository / ".git" / "index").read_bytes()
    return status, index, branches, (repository / ".git" / "HEAD").read_text()


def test_changes_are_written_on_top_of_what_is_checked_out(upstream):
    git(upstream, "checkout", "--quiet", "-b", "idea", "2.12.0")
    commit(upstream, ".gitignore", "*.log\n")
    package = upstream / "metaflow"
    (package / "util.py").write_text("staged\n")
    git(upstream, "add", "metaflow/util.py")
    (package / "util.py").write_text("changed since\n")
    (package / "new file.py").write_text("new\n")
    (package / "new.log").write_text("ignored\n")
    (package / "tool").symlink_to("util.py")
    (package / "graph.py").chmod(0o755)
    (package / "lint.py").unlink()
    (upstream / "setup.py").write_text("not what is installed\n")
    # Nothing in upstream/ tells git to ignore what Python compiles.
    (upstream / "metaflow" / "__pycache__").mkdir(exist_ok=True)
    (upstream / "metaflow" / "__pycache__" / "util.pyc").touch()
    before = seen(upstream)
    written = write_changes(upstream)
    assert seen(upstream) == before
    assert commit_of(upstream, f"{written}~1") == commit_of(upstream, "idea")
    assert listed(upstream, written) == {
        "metaflow/graph.py": "100755",
        "metaflow/lint.py": "000000",
        "metaflow/new file.py": "100644",
        "metaflow/tool": "120000",
        "metaflow/util.py": "100644",
    }
    assert git(upstream, "show", f"{written}:metaflow/util.py") == "changed since"
    # The same work is the same commit, and git's garbage collection leaves it.
    assert write_changes(upstream) == written
    git(upstream, "gc", "--quiet", "--prune=now")
    assert commit_of(upstream, written) == written


def test_without_a_change_there_is_nothing_to_measure(upstream):
    (upstream / "setup.py").write_text("not what is installed\n")
    # Nothing in upstream/ tells git to ignore what Python compiles.
    (upstream / "metaflow" / "__pycache__").mkdir(exist_ok=True)
    (upstream / "metaflow" / "__pycache__" / "util.pyc").touch()
    with pytest.raises(Failure, match="upstream/metaflow/ has no uncommitted changes; to measure"):
        write_changes(upstream)


def test_an_installed_package_takes_the_place_of_metaflow(upstream, tmp_path):
    base = commit_of(upstream, "2.12.0")
    installed = tmp_path / "site-packages" / "metaflow"
    shutil.copytree(upstream / "metaflow", installed)
    compiled = installed / "__pycache__" / "util.pyc"
    compiled.parent.mkdir()
    compiled.write_bytes(os.urandom(9))
    before = seen(upstream)
    written = write_package(upstream, base, installed)
    assert write_package(upstream, base, installed.parent) == written
    trees = (git(upstream, "rev-parse", f"{each}:metaflow") for each in (written, "main"))
    assert len(set(trees)) == 1 and commit_of(upstream, f"{written}~1") == base
    assert seen(upstream) == before
    with pytest.raises(Failure, match=r"is identical to .*; there is nothing to compare"):
        write_package(upstream, commit_of(upstream, "main"), installed)
    with pytest.raises(Failure, match=r"holds no metaflow; name its package or the folder above"):
        write_package(upstream, base, tmp_path)
