"""New releases come in by themselves, once."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from scripts import update
from scripts.errors import Failure
from scripts.git_command import git
from scripts.measure_history import COUNTS, releases_of
from scripts.paths import RESULTS, ROOT, UPSTREAM
from tests.project_clones import variables

MACHINE = "reference"
ONE_BENCHMARK = r"^multicore\.ParallelMap\.time_map\(1, 'default'\)$"
ANOTHER_BENCHMARK = r"^imports\.Footprint\.track_modules$"


def test_what_is_beyond_the_newest_that_was_measured_is_new(tmp_path, monkeypatch):
    monkeypatch.setattr(update, "RESULTS", tmp_path)
    # A machine that measured none waits for make history.
    assert update.newer(COUNTS, MACHINE) == {}
    versions = releases_of(COUNTS)
    commit = git(UPSTREAM, "rev-parse", f"{versions[3]}^{{commit}}")
    (path,) = (RESULTS / MACHINE).glob(f"{git(UPSTREAM, 'rev-parse', 'main')[:8]}-*.json")
    read = json.loads(path.read_text())
    read["commit_hash"] = commit
    (tmp_path / MACHINE).mkdir()
    (tmp_path / MACHINE / path.name.replace(path.name[:8], commit[:8])).write_text(json.dumps(read))
    # Oldest first: what stops the work leaves only newer ones. The newest is the series'.
    assert list(update.newer(COUNTS, MACHINE)) == versions[2:0:-1]


@pytest.fixture
def behind(clone):
    """The copy of the project, with a list that lacks the newest release, under git."""
    path = clone / "scripts" / "releases.json"
    listed = json.loads(path.read_text())["releases"]
    path.write_text(json.dumps({"releases": listed[:1]}))
    modules = ROOT / "dashboard" / "node_modules"
    if modules.exists() and not (clone / "dashboard" / "node_modules").exists():
        shutil.copytree(modules, clone / "dashboard" / "node_modules")
    git(clone, "init", "--quiet")
    return clone


def test_update_twice(behind):
    def start(benchmark=ONE_BENCHMARK):
        command = [sys.executable, "-m", "scripts.update", "--bench", benchmark]
        return subprocess.run(
            command, cwd=behind, env=variables(behind), capture_output=True, text=True
        )

    first = start()
    assert first.returncode == 0, first.stdout + first.stderr
    assert "new releases: 2." in first.stdout
    assert first.stdout.splitlines()[-1] == "3 commits measured, and all is published"
    assert (behind / "html" / "index.html").exists()
    results = {path: path.read_bytes() for path in behind.glob("results/*/*.json")}
    second = start()
    assert second.returncode == 0, second.stderr
    assert second.stdout == "new releases: none\nall is measured and published\n"
    assert {path: path.read_bytes() for path in behind.glob("results/*/*.json")} == results
    # What was measured of something else is no reason not to measure this.
    third = start(ANOTHER_BENCHMARK)
    assert third.stdout.splitlines()[-1] == "3 commits measured, and all is published"
    for path, kept in results.items():
        if "-" in path.name:
            before, now = (json.loads(text)["results"] for text in (kept, path.read_text()))
            assert now.keys() > before.keys() and {name: now[name] for name in before} == before


def test_a_document_that_can_t_be_made_is_told_and_the_others_are_written(monkeypatch, tmp_path):
    written = []

    def fails():
        raise Failure("it has no results")

    made = {"one": lambda: written.append(1), "two": fails, "three": lambda: written.append(3)}
    monkeypatch.setattr(update, "DOCUMENTS", made)
    assert update.write_documents() == ["two stays as it was: it has no results"]
    assert written == [1, 3]
    monkeypatch.setitem(update.DOCUMENTS, "two", lambda: (tmp_path / "nowhere" / "x").read_text())
    (line,) = update.write_documents()
    assert line.startswith("two stays as it was: ") and "No such file" in line


def test_a_site_is_that_of_its_results_whatever_their_files_times(tmp_path):
    results, site = tmp_path / "results", tmp_path / "site"
    (results / MACHINE).mkdir(parents=True)
    site.mkdir()
    path = results / MACHINE / "a-b.json"
    path.write_text("1")
    assert not update.is_published(results, site, documented=False)
    (site / update.PUBLISHED).write_text(update.mark_of(results, documented=True))
    os.utime(path, (2**32, 2**32))
    assert update.is_published(results, site, documented=True)
    assert update.is_published(results, site, documented=False)
    path.write_text("2")
    os.utime(path, (0, 0))
    assert not update.is_published(results, site, documented=False)
    path.write_text("1")
    path.rename(path.with_name("c-b.json"))
    assert not update.is_published(results, site, documented=False)


def test_a_site_without_the_documents_is_no_reason_to_leave_these(tmp_path):
    # As after an update of some benchmarks, or of another machine.
    (tmp_path / update.PUBLISHED).write_text(update.mark_of(tmp_path, documented=False))
    assert update.is_published(tmp_path, tmp_path, documented=False)
    assert not update.is_published(tmp_path, tmp_path, documented=True)


def test_results_of_an_older_series_leave_only_where_git_keeps_them(tmp_path, monkeypatch):
    monkeypatch.setattr(update, "ROOT", tmp_path)
    folder = tmp_path / "results" / MACHINE
    folder.mkdir(parents=True)
    known = git(UPSTREAM, "rev-parse", "main")[:8]
    names = [f"{known}-e.json", "00000000-e.json", "11111111-e.json", "22222222-e.json"]
    for name in (*names, "machine.json"):
        (folder / name).write_text("{}")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", *(f"results/{MACHINE}/{name}" for name in names[:3]))
    author = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
    subprocess.run(["git", "-C", tmp_path, *author, "commit", "--quiet", "-m", "x"], check=True)
    (folder / names[2]).write_text("changed")
    (folder / "my-notes.json").write_text("{}")
    kept, others = update.superseded(tmp_path / "results", UPSTREAM)
    assert kept == [folder / names[1]] and set(others) == {folder / name for name in names[2:]}
    # A host that commits nothing is not to fail once git has forgotten these commits.
    faults = [f"{MACHINE}/{name}: commit {name[:8]} is unknown in upstream/" for name in names]
    assert [update.is_of_any(fault, others) for fault in faults] == [False, False, True, True]
    # What is damaged, or no file of asv's, is told as ever.
    assert not update.is_of_any(f"{MACHINE}/{names[3]}: can't be read (x)", others)


def test_what_no_longer_applies_is_named(upstream, monkeypatch):
    git(upstream, "checkout", "--quiet", "main")
    (upstream / "metaflow" / "multicore_utils.py").write_text("nothing = 0\n")
    author = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
    subprocess.run(["git", "-C", upstream, *author, "commit", "-qam", "metaflow 9"], check=True)
    assert any(line.startswith("event_waiting: ") for line in update.refusals(upstream))
