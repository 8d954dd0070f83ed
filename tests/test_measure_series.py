"""Of the newest release and the series, what is not measured is measured, and nothing else."""

import json
import re
import shutil

import pytest

from scripts import history, measure_series
from scripts.bench import CLAIMS
from scripts.discovery import Benchmark, known_benchmarks
from scripts.errors import Failure
from scripts.git_command import git
from scripts.measure_series import Together, left, unfinished, wanted
from scripts.paths import RESULTS, UPSTREAM
from scripts.readme_table import machine_of_tables

history.ensure(UPSTREAM)
MACHINE = machine_of_tables(RESULTS, UPSTREAM)
# As if they were newer than what is recorded.
NEWER = {"s3.LoadFromGateway.time_load", "s3.SaveToGateway.time_save"}
BENCHMARKS = [
    Benchmark(cases[0].partition("(")[0], cases, version="1", rounds=2)
    for cases in (
        ("a.B.time_c(1)", "a.B.time_c(2)"),
        ("a.B.time_d",),
        ("instructions.E.track_f",),
    )
]


@pytest.fixture
def noted(monkeypatch, tmp_path):
    """A folder of results, and what would be measured: each run, in its order."""
    runs = []

    def note(commits, *options, may_fail):
        runs.append((tuple(commits), options[-1]))

    monkeypatch.setattr(measure_series, "RESULTS", tmp_path)
    monkeypatch.setattr(measure_series, "measure", note)
    shutil.copytree(RESULTS / MACHINE, tmp_path / MACHINE)
    return runs


def file_of(results, revision):
    commit = git(UPSTREAM, "rev-parse", f"{revision}^{{commit}}")
    (path,) = (results / MACHINE).glob(f"{commit[:8]}-*.json")
    return path


def test_of_the_committed_results_nothing_is_left(noted):
    assert measure_series.measure_left(MACHINE) == [] and noted == []


def test_of_the_committed_results_what_is_newer_is_left(noted, tmp_path):
    for path in (tmp_path / MACHINE).glob("*-*.json"):
        read = json.loads(path.read_text())
        for name in NEWER:
            read["results"].pop(name, None)
        path.write_text(json.dumps(read))
    measure_series.measure_left(MACHINE)
    head, *claiming = (commits for commits, _ in noted)
    assert head == wanted()[0].commits and len(claiming) == 1
    newer = "|".join(name.replace(".", r"\.") for name in sorted(NEWER))
    of_these = rf"^(?=({newer})(\(|$))"
    assert [only for _, only in noted] == [of_these, rf"{of_these}(?=.*?(?:^s3\.))"]
    assert re.search(noted[1][1], "s3.SaveToGateway.time_save('300-small')")
    assert not re.search(noted[1][1], "s3.Save.time_save('dict-233B')")


def test_what_each_commit_claims_is_measured_too(noted, tmp_path):
    # As after a new release: nobody has measured its series.
    shutil.rmtree(tmp_path / MACHINE)
    (tmp_path / MACHINE).mkdir()
    series = git(UPSTREAM, "rev-list", "--reverse", "main..optimized").split()
    main = git(UPSTREAM, "rev-parse", "main")
    assert measure_series.measure_left(MACHINE)[:3] == [main, series[0], series[-1]]
    assert noted[0] == ((main, series[0], series[-1]), measure_series.EVERYTHING)
    assert [only for _, only in noted[1:-1]] == [only for _, only in CLAIMS]
    assert noted[-1] == (tuple(series[1:-1]), measure_series.COUNTS)
    assert not (tmp_path / MACHINE / measure_series.UNFINISHED).exists()


def test_a_benchmark_that_one_commit_lacks_is_measured_of_all_that_are_compared(noted, tmp_path):
    path = file_of(tmp_path, "main")
    read = json.loads(path.read_text())
    del read["results"]["client.ManyTasks.time_collect"]
    path.write_text(json.dumps(read))
    measure_series.measure_left(MACHINE)
    ((commits, only),) = noted
    assert commits == wanted()[0].commits
    assert only == r"^(?=(client\.ManyTasks\.time_collect)(\(|$))"


def test_what_fails_or_is_skipped_was_measured(noted, tmp_path):
    path = file_of(tmp_path, "main")
    read = json.loads(path.read_text())
    read["results"]["client.ManyTasks.time_collect"][0] = None
    path.write_text(json.dumps(read))
    assert measure_series.measure_left(MACHINE) == []


def test_only_what_is_asked_for_is_measured(noted, tmp_path):
    file_of(tmp_path, "main").unlink()
    measure_series.measure_left(MACHINE, r"^hashing\.")
    head, between = wanted(r"^hashing\.")
    assert noted == [(head.commits, r"^hashing\."), (between.commits, r"^hashing\.")]


def test_counts_that_can_t_be_made_here_are_not_asked_for_each_time(monkeypatch):
    run = Together(("x",), measure_series.EVERYTHING)
    monkeypatch.setattr(measure_series.shutil, "which", lambda name: None)
    timed = {"a.B.time_c", "a.B.time_d"}
    assert list(left([run], BENCHMARKS, lambda *_: timed)) == []
    monkeypatch.setattr(measure_series.shutil, "which", lambda name: "/usr/bin/valgrind")
    (lacking,) = left([run], BENCHMARKS, lambda *_: timed)
    assert lacking.benchmarks == r"^(?=(instructions\.E\.track_f)(\(|$))"


def test_a_run_that_was_stopped_is_measured_again_with_what_it_measured(noted, tmp_path):
    mark = tmp_path / MACHINE / measure_series.UNFINISHED
    main = git(UPSTREAM, "rev-parse", "main")

    def stop(commits, *options, may_fail):
        raise KeyboardInterrupt

    measure = measure_series.measure
    measure_series.measure = stop
    try:
        with pytest.raises(KeyboardInterrupt):
            measure_series.measure_together(MACHINE, Together((main, "0" * 40), "^s3"))
    finally:
        measure_series.measure = measure
    # What exists no more is left out.
    assert measure_series.measure_left(MACHINE) == [main]
    assert noted == [((main,), "^s3")] and not mark.exists()


def test_a_pattern_that_begins_with_flags_takes_whole_benchmarks(noted, tmp_path):
    path = file_of(tmp_path, "main")
    read = json.loads(path.read_text())
    del read["results"]["client.ManyTasks.time_collect"]
    path.write_text(json.dumps(read))
    measure_series.measure_left(MACHINE, "(?i)^CLIENT")
    (_, only), *_ = noted
    assert re.search(only, "client.ManyTasks.time_collect")
    assert not re.search(only, "client.FirstRead.time_read")


@pytest.mark.parametrize(
    "text", ["{}", '{"commits": [], "benchmarks": "("}', '{"commits": 5, "benchmarks": "."}']
)
def test_a_mark_that_is_damaged_is_told(tmp_path, text):
    mark = tmp_path / measure_series.UNFINISHED
    assert unfinished(mark, UPSTREAM) == []
    mark.write_text(text)
    with pytest.raises(Failure, match=r"\.unfinished is damaged; remove it"):
        unfinished(mark, UPSTREAM)


def test_a_mark_of_benchmarks_that_are_no_more_stops_nothing(noted, tmp_path):
    mark = tmp_path / MACHINE / measure_series.UNFINISHED
    main = git(UPSTREAM, "rev-parse", "main")
    mark.write_text(json.dumps({"commits": [main], "benchmarks": "^gone_by_now"}))
    assert measure_series.measure_left(MACHINE) == [] and noted == [] and not mark.exists()


def test_a_full_disk_leaves_the_mark(noted, tmp_path, monkeypatch):
    monkeypatch.setattr(measure_series, "require_room", filling(noted))
    with pytest.raises(Failure, match="no room"):
        measure_series.measure_together(MACHINE, Together(("a",), "b"))
    assert (tmp_path / MACHINE / measure_series.UNFINISHED).exists()


def filling(noted):
    """Return what finds room until something was measured."""

    def require():
        if noted:
            raise Failure("no room")

    return require


def test_all_that_is_wanted_names_cases():
    benchmarks = known_benchmarks()
    assert all(measure_series.asked(run, benchmarks) for run in wanted())
