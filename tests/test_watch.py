"""A regression of a release is found, explained, told once, acknowledged, and then quiet."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest

from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RELEASES, RESULTS, ROOT, UPSTREAM
from mfbench.report.changes_text import with_decisions
from mfbench.results.changes import Change, Changes, read_changes, write_confirmed_changes
from mfbench.results.check import faults
from mfbench.verdict.revisions import compare_revisions
from tests.project_clones import variables
from tests.repository.person import commit

MODULES = "imports.Footprint.track_modules"
MAP = r"time_map\(1, default"


def start(project, *arguments, code=0):
    command = [sys.executable, "-m", "mfbench", *arguments]
    finished = subprocess.run(
        command, cwd=project, env=variables(project), capture_output=True, text=True
    )
    assert finished.returncode == code, finished.stdout + finished.stderr
    return finished.stderr if code > 1 else finished.stdout


def changes_of(project):
    return read_changes(project / "records" / "changes.json").found


@pytest.mark.slow
def test_a_release_that_loads_more_modules_is_told_of_once(clone):
    shutil.rmtree(clone / "upstream", ignore_errors=True)
    versions = ("2.16.6", "2.16.7", "2.16.8")
    listed = json.loads(RELEASES.read_text())["releases"]
    few = {"releases": [each for each in listed if each["version"] in versions]}
    (clone / RELEASES.relative_to(ROOT)).write_text(json.dumps(few))
    start(clone, "setup")
    assert "fewer than two releases" in start(clone, "watch", "--machine", "quiet", code=2)
    start(clone, "run", "--releases", "--machine", "quiet", "--bench", "track_modules")
    watch = ["watch", "--machine", "quiet", "--bench", "track_modules"]
    said = start(clone, *watch, "--since", versions[0], "--issues", "issues", code=1)
    assert re.search(
        rf"2\.16\.8: {MODULES}: 1\.02\d× more modules than 2\.16\.7, counted; .*yaml", said
    )
    (found,) = changes_of(clone)
    assert (found.base, found.head, found.state) == ("2.16.7", "2.16.8", "open")
    issue = (clone / "issues" / "2.16.8-quiet.md").read_text()
    assert issue.startswith("# metaflow 2.16.8 takes more than 2.16.7\n") and "yaml" in issue

    (clone / "issues" / "2.16.8-quiet.md").unlink()
    assert start(clone, *watch, "--issues", "issues") == "no new change\n"
    assert start(clone, *watch, "--since", versions[0], "--issues", "issues") == "no new change\n"
    assert changes_of(clone) == [Change(**{**vars(found), "has_issue_text": True})]
    assert not (clone / "issues" / "2.16.8-quiet.md").exists()

    pair = ["compare", "2.16.6", "2.16.8", "--machine", "quiet", "--format", "markdown"]
    assert "(change in 2.16.8: open)" in start(clone, *pair)
    said = start(clone, *watch, "--acknowledge", "2.16.8", "--reason", "job sets need yaml")
    assert said == "acknowledged in 2.16.8: 1\n"
    assert "(change in 2.16.8: acknowledged: job sets need yaml)" in start(clone, *pair)
    said = start(clone, *watch, "--acknowledge", "2.16.8", "--reason", "again", code=3)
    assert said.startswith("error: no open change of 2.16.8 matches") and said.count("\n") == 1
    assert "--acknowledge and --reason belong together" in start(
        clone, *watch, "--acknowledge", "2.16.8", code=3
    )


@pytest.mark.slow
def test_a_night_s_commits_are_judged_by_count_and_by_time_and_the_first_bad_one_named(
    clone, upstream
):
    shutil.rmtree(clone / "upstream", ignore_errors=True)
    helpers = upstream / "metaflow" / "multicore_utils.py"
    commit(upstream, "harmless.py")
    slower = helpers.read_text().replace("time.sleep(0.1)", "time.sleep(0.4)")
    commit(upstream, "metaflow/multicore_utils.py", slower)
    heavy = "import unittest.mock, xmlrpc.server, wsgiref.simple_server, sqlite3, tarfile\n"
    util = (upstream / "metaflow" / "util.py").read_text()
    bad = commit(upstream, "metaflow/util.py", heavy + util)
    commit(upstream, "also_harmless.py")
    start(clone, "setup", "--clone", upstream)
    newest = git(clone / "upstream", "describe", "--tags", "--abbrev=0", "main").strip()
    bench = ["--bench", f"track_modules|{MAP}", "--machine", "quiet"]
    start(
        clone, "run", newest, "main", "--profile", "default", "--bench", "track_modules", *bench[2:]
    )
    said = start(clone, "watch", *bench, "--rounds", "6", code=1)
    by_case = {each.case: each for each in changes_of(clone)}
    modules, map_time = by_case[MODULES], by_case["multicore.ParallelMap.time_map(1, default)"]
    assert f"The first commit with it is {bad[:7]}" in modules.cause and modules.cause in said
    assert map_time.evidence == "timed in two runs" and map_time.after / map_time.before > 2
    assert map_time.interval[1] < 1 and not map_time.cause

    util = (upstream / "metaflow" / "util.py").read_text().removeprefix(heavy)
    commit(upstream, "metaflow/util.py", util)
    start(clone, "setup", "--clone", upstream)
    start(
        clone, "run", newest, "main", "--profile", "default", "--bench", "track_modules", *bench[2:]
    )
    start(clone, "watch", "--counts", "--machine", "quiet", "--bench", "track_modules")
    states = {each.case: each.state for each in changes_of(clone) if each.state != "improvement"}
    assert states == {MODULES: "fixed", map_time.case: "open"}


def test_a_damaged_record_is_named_and_stays(tmp_path):
    path = tmp_path / "records" / "changes.json"
    path.parent.mkdir()
    shutil.copytree(RESULTS / "reference", tmp_path / "results" / "reference")
    shutil.copy(RESULTS / "benchmarks.json", tmp_path / "results")
    path.write_text('{"judged": {}, "changes": [{"case": "x"}]}')
    (fault,) = [each for each in faults(tmp_path / "results", UPSTREAM) if each.path == path]
    assert "changes.json is damaged" in fault.text


def test_a_comparison_names_changes_between_its_ends_only(tmp_path):
    compared = compare_revisions(RESULTS, UPSTREAM, ("2.16.7", "2.16.8"), "reference")
    row = compared.row(MODULES)
    assert row.reason == ""
    head = compared.head.commit
    change = Change(
        *(MODULES, "2.16.7", "2.16.8", head, "reference", "pinned-py3.11", "1"),
        *("modules", row.before, row.after, "counted"),
        state="acknowledged",
        reason="job sets need yaml",
    )
    path = tmp_path / "changes.json"
    write_confirmed_changes(Changes({"reference": {"counted": head}}, [change]), path)
    kept = read_changes(path).found
    assert kept == [Change(**{**vars(change), "interval": []})]
    told = with_decisions(compared, kept, UPSTREAM).row(MODULES)
    assert told.reason == "change in 2.16.8: acknowledged: job sets need yaml"
    later = compare_revisions(RESULTS, UPSTREAM, ("2.16.8", "2.17.0"), "reference")
    assert with_decisions(later, kept, UPSTREAM) == later
    elsewhere = [replace(change, machine="another")]
    assert with_decisions(compared, elsewhere, UPSTREAM).row(MODULES).reason == ""
