"""Every release is measured once, whatever stops the work, and what is left is told."""

import json
import shutil
import subprocess
import sys

import pytest

from scripts import measure_history
from scripts.measure_history import COUNTS, TIMES, left, releases_of
from scripts.paths import RESULTS, UPSTREAM
from scripts.releases import load
from tests.project_clones import variables

MACHINE = "reference"


def test_all_releases_are_counted_and_those_of_the_newest_minor_timed():
    versions = [release.version for release in load()]
    assert releases_of(COUNTS) == versions[::-1]
    timed = releases_of(TIMES)
    assert timed[0] == versions[-1] and set(timed) < set(versions)
    minors = {tuple(version.split(".")[:2]) for version in versions}
    assert {tuple(version.split(".")[:2]) for version in timed} == minors
    newest = versions[-1].rpartition(".")[0]
    assert [each for each in versions if each.startswith(f"{newest}.")] == [
        each for each in timed[::-1] if each.startswith(f"{newest}.")
    ]


@pytest.fixture
def one_measured(tmp_path):
    """The results of the newest release alone."""
    (commit,) = {path.name for path in (RESULTS / MACHINE).glob("*-*.json") if is_newest(path)}
    (tmp_path / MACHINE).mkdir()
    shutil.copy(RESULTS / MACHINE / commit, tmp_path / MACHINE)
    return tmp_path


def is_newest(path):
    commit = json.loads(path.read_text())["commit_hash"]
    return commit == measure_history.base_commit(UPSTREAM, "main")


def test_what_is_measured_is_not_left(one_measured):
    newest = load()[-1].version
    assert newest in left(COUNTS, "another", one_measured, UPSTREAM)
    for part in (COUNTS, TIMES):
        assert list(left(part, MACHINE, one_measured, UPSTREAM)) == releases_of(part)[1:]


def test_a_release_that_failed_is_not_left_and_one_that_lacks_a_benchmark_is(one_measured):
    (path,) = one_measured.glob("*/*.json")
    read = json.loads(path.read_text())
    name = "instructions.Command.track_run"
    read["results"][name][0] = None
    path.write_text(json.dumps(read))
    assert load()[-1].version not in left(COUNTS, MACHINE, one_measured, UPSTREAM)
    del read["results"][name]
    path.write_text(json.dumps(read))
    assert load()[-1].version in left(COUNTS, MACHINE, one_measured, UPSTREAM)


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_a_second_start_has_nothing_to_do(clone):
    command = [sys.executable, "-m", "scripts.measure_history", "--only", "counts"]

    def start():
        return subprocess.run(
            command, cwd=clone, env=variables(clone), capture_output=True, text=True
        )

    first, second = start(), start()
    assert first.returncode == second.returncode == 0, first.stdout + first.stderr + second.stderr
    assert "counts: 2 releases left, about " in first.stdout
    assert "counts: 0 of 2 releases are done, about " in first.stdout
    assert second.stdout.splitlines()[-1] == "counts: 0 releases left, about 0:00:00"
    (counts,) = {
        tuple(json.loads(path.read_text())["results"]) for path in clone.glob("results/*/*-*.json")
    }
    assert {name.partition(".")[0] for name in counts} == {"instructions", "imports"}
