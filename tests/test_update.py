"""New releases come in by one command, once."""

import json
import shutil
import subprocess
import sys

import pytest

from mfbench import update
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RELEASES, ROOT
from tests.project_clones import variables

AUTHOR = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")


@pytest.fixture
def behind(clone):
    """The copy of the project, with a list that lacks the newest release, under git."""
    path = clone / RELEASES.relative_to(ROOT)
    listed = json.loads(path.read_text())["releases"]
    path.write_text(json.dumps({"releases": listed[:1]}))
    # The site shows it.
    modules = ROOT / "dashboard" / "node_modules"
    if modules.exists() and not (clone / "dashboard" / "node_modules").exists():
        shutil.copytree(modules, clone / "dashboard" / "node_modules")
    git(clone, "init", "--quiet")
    return clone


@pytest.mark.slow
def test_a_second_update_measures_nothing(behind):
    def start():
        command = [sys.executable, "-m", "mfbench", "update", "--bench", "Footprint.track_modules"]
        finished = subprocess.run(
            command, cwd=behind, env=variables(behind), capture_output=True, text=True
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        results = {path: path.read_bytes() for path in behind.glob("results/*/*-*.json")}
        return finished.stdout, results

    first, results = start()
    assert "new releases: 2." in first
    assert first.endswith("\n3 commits measured; the site is published\n")
    assert (behind / "html" / "index.html").exists()
    second, unchanged = start()
    assert "new releases: none" in second
    assert second.endswith("\n0 commits measured; the site is published\n")
    assert unchanged == results


def test_a_document_that_can_t_be_written_does_not_stop_the_others(monkeypatch):
    written = []

    def write(name):
        if name == "status":
            raise Failure("it has no results")
        written.append(name)

    monkeypatch.setattr("mfbench.report.report.write_document", write)
    monkeypatch.setattr(update, "write_import_trees", lambda: None)
    assert update.write_documents() == ["STATUS.md stays as it was: it has no results"]
    assert written == ["readme", "history", "optimizations"]


def test_superseded_results_are_removed_only_where_git_keeps_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(update, "ROOT", tmp_path)
    files = [tmp_path / name for name in ("kept", "changed", "new")]
    git(tmp_path, "init", "--quiet")
    for path in files:
        path.write_text("{}")
    git(tmp_path, "add", "kept", "changed")
    git(tmp_path, *AUTHOR, "commit", "--quiet", "-m", "x")
    files[1].write_text("other numbers")
    update.remove_superseded(files)
    assert [path.exists() for path in files] == [False, True, True]
    assert "/kept: its commit is gone; the file is removed" in capsys.readouterr().out
