"""Every release is measured once, whatever stops the work, and what is left is told."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest

from scripts import measure_history
from scripts.errors import Failure
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


def test_no_benchmarks_is_no_reason_to_be_done(tmp_path, monkeypatch):
    monkeypatch.setattr(measure_history, "known_benchmarks", list)
    with pytest.raises(Failure, match="asv finds no benchmarks"):
        left(COUNTS, MACHINE, tmp_path, UPSTREAM)


def test_counts_that_were_skipped_are_left_and_what_else_is_there_stays(one_measured):
    (path,) = one_measured.glob("*/*.json")
    read = json.loads(path.read_text())
    name = "instructions.Command.track_run"
    read["results"][name][0] = [math.nan] * len(read["results"][name][0])
    path.write_text(json.dumps(read))
    newest = left(COUNTS, MACHINE, one_measured, UPSTREAM)[load()[-1].version]
    assert newest.benchmarks == {name} and not newest.new


def test_without_valgrind_or_room_it_stops_before_anything_is_recorded(monkeypatch):
    releases = {"2.19.39": measure_history.Left("0" * 40, frozenset({"a.B.track_c"}), True)}
    monkeypatch.setattr(measure_history.shutil, "which", lambda name: None)
    with pytest.raises(Failure, match="counts need valgrind"):
        measure_history.measure_part(COUNTS, MACHINE, releases)
    monkeypatch.setattr(measure_history, "ROOM", 2**62)
    with pytest.raises(Failure, match="less than 1 GB is left on the disk"):
        measure_history.measure_part(TIMES, MACHINE, releases)


def test_releases_that_lack_the_same_are_measured_together():
    lacking = {
        str(number): measure_history.Left(
            str(number), frozenset("ab" if number == 3 else "a"), True
        )
        for number in range(11)
    }
    assert list(measure_history.batches(lacking)) == [
        ["0", "1", "2"],
        ["3"],
        ["4", "5", "6", "7", "8", "9"],
        ["10"],
    ]


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_after_a_kill_it_goes_on_and_a_further_start_has_nothing_to_do(clone):
    command = [sys.executable, "-m", "scripts.measure_history", "--only", "counts"]
    options = {"cwd": clone, "env": variables(clone), "text": True}
    killed = subprocess.Popen(command, **options, stdout=subprocess.PIPE, start_new_session=True)
    # The first of the two releases is written down while the second is measured.
    until = time.monotonic() + 300
    while not any(clone.glob("results/*/*-*.json")) and time.monotonic() < until:
        time.sleep(0.1)
    os.killpg(killed.pid, signal.SIGKILL)
    first = killed.communicate()[0]
    assert "counts: 2 releases left, about " in first
    assert "counts: 0 of 2 releases are done, about " in first
    kept = {path: path.read_bytes() for path in clone.glob("results/*/*-*.json")}
    assert len(kept) == 1

    def start():
        return subprocess.run(command, **options, capture_output=True)

    second, third = start(), start()
    assert second.returncode == third.returncode == 0, second.stdout + second.stderr + third.stderr
    assert "counts: 1 releases left, about " in second.stdout
    assert re.search(r"counts: beside the benchmarks, \d+\.\d s a release", second.stdout)
    assert third.stdout.splitlines()[-1] == "counts: 0 releases left, about 0:00:00"
    assert {path: path.read_bytes() for path in kept} == kept
    topics = {
        name.partition(".")[0]
        for path in clone.glob("results/*/*-*.json")
        for name in json.loads(path.read_text())["results"]
    }
    assert topics == {"instructions", "imports"}
