"""Comparing commits: on the committed results, and on results that are damaged on purpose."""

import re
from dataclasses import replace

import pytest

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.repository.control import control_of
from mfbench.results import machines
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.reader import RUNS_SINCE, Case, Measurement, Side
from mfbench.verdict.comparison import compare
from mfbench.verdict.intervals import mean_of_ratios
from mfbench.verdict.revisions import compare_revisions
from mfbench.verdict.rows import control_noise, same_code_noise
from mfbench.verdict.verdict import MOVED, Verdict
from tests.committed import MACHINE, NAMES, add_answers, column, edit, file_of

IMPORT = "imports.Import.timeraw_metaflow"
SHOW = "cli.FlowScript.time_show"
HELLO = "flows.Run.time_hello"
COUNTS = "instructions.Command.track_run"
COUNT = f"{COUNTS}(import metaflow)"
# Seconds since 1970, later than every committed run.
AFTER_ALL_RUNS = 2_000_000_000


@pytest.fixture(scope="module")
def committed():
    return compare_revisions(RESULTS, UPSTREAM, NAMES, MACHINE)


def compared(results, names=NAMES, **choice):
    return compare_revisions(results, UPSTREAM, names, MACHINE, **choice)


def test_the_series_is_faster_than_its_release(committed):
    imported = committed.row(IMPORT)
    assert imported.verdict is Verdict.FASTER
    assert imported.evidence.low > 1.6
    assert imported.instructions == pytest.approx(committed.row(COUNT).ratio)
    assert committed.row("artifacts.Save.time_save(float64-8MB)").size == 8_000_000
    assert committed.control.commit == control_of(UPSTREAM, committed.base.commit)


def test_faster_and_slower_need_an_interval_without_1(committed):
    timed = [row for row in committed.rows if row.adjusted_p_value is not None]
    assert all(row.evidence.excludes_one for row in timed if row.verdict in MOVED)
    assert all(row.reason for row in timed if row.verdict is Verdict.CANT_TELL)
    assert not [row for row in timed if re.search(r"\d{4} more rounds", row.reason)]


def test_a_release_against_its_control_raises_no_alarm():
    first = control_of(UPSTREAM, commit_of(UPSTREAM, "main"))
    # Seen from the control, which has none of its own: only the statistics prevent alarms.
    comparison = compared(RESULTS, (first, "main"))
    assert comparison.control is None
    moved = [row for row in comparison.rows if row.verdict in MOVED]
    assert not [row for row in moved if row.is_timed or row.unit == "instructions"]


def test_what_runs_no_code_of_metaflow_is_shown_and_never_judged(committed):
    same_code = [row for row in committed.rows if row.verdict is Verdict.SAME_CODE]
    topics = {row.case.topic for row in same_code}
    assert {"floors", "hashing", "compression", "imports"} <= topics
    assert not [
        row for row in committed.rows if row.case.topic == "floors" and row.adjusted_p_value
    ]
    # The times of some seemed to change all the same: that tells how far identical code moves.
    moved = [row for row in same_code if row.evidence and row.evidence.excludes_one]
    assert moved
    assert same_code_noise(committed.rows) >= max(abs(1 / row.ratio - 1) for row in moved)
    assert same_code_noise([]) is None


def test_the_mean_of_ratios_is_geometric_and_the_noise_that_of_most_controls(committed):
    assert mean_of_ratios([1 / 2, 2]) == pytest.approx(1)
    assert mean_of_ratios([]) is None
    rows = [replace(committed.row(IMPORT), control_noise=share) for share in range(1, 21)]
    assert control_noise(rows) == 19
    assert control_noise([]) is None


def test_fewer_topics_are_corrected_for_less_and_keep_their_witness(committed):
    kept = compared(RESULTS, topics=["imports"])
    assert {row.case.topic for row in kept.rows} == {"imports"}
    every = {row.case: row for row in committed.rows}
    judged = [row for row in kept.rows if row.adjusted_p_value]
    assert all(row.detectable < every[row.case].detectable for row in judged)
    assert kept.row(IMPORT).instructions == committed.row(IMPORT).instructions
    with pytest.raises(Failure, match=r"unknown topic import; topics are .*artifacts, .*cli"):
        compared(RESULTS, topics=["import"])


def test_another_version_of_a_benchmark_is_not_compared(copied):
    def change(content):
        for name in (IMPORT, COUNTS):
            content["results"][name][content["result_columns"].index("version")] = "9"

    edit(copied, "optimized", change)
    comparison = compared(copied)
    row = comparison.row(IMPORT)
    assert row.verdict is Verdict.NOT_COMPARABLE
    assert row.reason == "version 1 of the benchmark against 9"
    # A count that can't be compared is no witness of anything.
    show = comparison.row(SHOW)
    assert (show.instructions, show.witness, show.disagree) == (None, None, False)


@pytest.mark.parametrize(
    "place, name, reason",
    [
        ("requirements", "numpy", "numpy 2.2.6 against 0.3.0"),
        ("params", "cpu", "cpu .* against 0.3.0"),
        (None, "python", "python 3.11 against 0.3.0"),
    ],
)
def test_other_circumstances_are_refused_by_name(copied, place, name, reason):
    edit(copied, "optimized", lambda content: content.get(place, content).update({name: "0.3.0"}))
    comparison = compared(copied)
    both = [row for row in comparison.rows if row.before is not None and row.after is not None]
    assert {row.verdict for row in both} == {Verdict.NOT_COMPARABLE}
    assert all(re.fullmatch(reason, row.reason) for row in both)
    assert not comparison.measured


def begin(results, name, stamp, topics=("imports", "multicore")):
    """Say that the run of some topics' results began at a time, in seconds since 1970."""

    def change(content):
        place = content["result_columns"].index("started_at")
        for benchmark, entry in content["results"].items():
            if benchmark.partition(".")[0] in topics:
                entry[place] = int(1000 * stamp)

    edit(results, name, change)


@pytest.mark.parametrize("before, after", [(-9e4, -9e3), (-60, 60), (60, 120)])
def test_times_of_different_runs_are_not_compared_and_counts_are(copied, before, after):
    topics = ("imports", "instructions")
    begin(copied, "main", RUNS_SINCE + before, topics)
    begin(copied, "optimized", RUNS_SINCE + after, topics)
    row, count = (compared(copied).row(name) for name in (IMPORT, COUNT))
    assert row.verdict is Verdict.NOT_COMPARABLE
    assert row.reason.startswith("measured in different runs; measure both in one: mfbench run")
    assert count.verdict is Verdict.FASTER


def test_a_comparison_shows_the_times_of_one_run_and_others_only_if_asked(copied, committed):
    for name in NAMES:
        begin(copied, name, AFTER_ALL_RUNS)
    one, every = compared(copied), compared(copied, every_run=True)
    others = [row for row in every.rows if row.other_run]
    assert {row.case.topic for row in others} == {"imports", "multicore"}
    assert all(row.is_timed for row in others)
    assert one.left_out == len(others) == len(every.rows) - len(one.rows)
    assert (one.row(IMPORT), every.left_out) == (None, 0)
    # They do not count, and nothing is corrected for them.
    assert one.row(SHOW).adjusted_p_value != every.row(SHOW).adjusted_p_value
    # The control was not in that run, and what was asked for alone is not of another.
    row = compared(copied, topics=["imports"]).row(IMPORT)
    assert (row.verdict, row.control_noise, row.other_run) == (Verdict.FASTER, None, False)
    assert committed.row(IMPORT).control_noise is not None
    # Of runs with equally many times, the latest.
    cases = [Case(IMPORT), Case(SHOW)]
    assert [str(row.case) for row in compared(copied, cases=cases).rows] == [IMPORT]
    for name in NAMES:
        begin(copied, name, AFTER_ALL_RUNS + 60, ["cli"])
    assert [str(row.case) for row in compared(copied, cases=cases).rows] == [SHOW]


@pytest.mark.parametrize("answer", [1, None])
@pytest.mark.parametrize("side", NAMES)
def test_a_wrong_answer_makes_a_time_not_comparable(copied, side, answer):
    for name in NAMES:
        add_answers(copied, name, {1: answer if name == side else 0, 8: 0})
    comparison = compared(copied)
    row = comparison.row("multicore.ParallelMap.time_map(1, default)")
    assert row.verdict is Verdict.NOT_COMPARABLE
    assert row.reason == f"its answer is wrong in {side}"
    assert (row in comparison.regressions) == (side == "optimized")
    other = comparison.row("multicore.ParallelMap.time_map(8, default)")
    assert other.verdict is Verdict.FASTER
    assert not any(row.case.topic == "answers" for row in comparison.rows)


def test_too_few_processes_no_result_and_a_failure_are_told_per_case(copied):
    def change(content):
        del column(content, IMPORT, "samples")[0][3:]
        del content["results"][SHOW]
        content["results"][HELLO][0] = None

    edit(copied, "optimized", change)
    comparison = compared(copied)
    few, lacking, failing = (comparison.row(name) for name in (IMPORT, SHOW, HELLO))
    assert (few.verdict, few.reason) == (Verdict.CANT_TELL, "needs at least 4 rounds")
    assert few.evidence is None
    assert (lacking.verdict, lacking.reason) == (Verdict.NOT_MEASURED, "no result of optimized")
    assert (failing.verdict, failing.reason) == (Verdict.NOT_MEASURED, "failed in optimized")
    # Only what fails now, and did not before, is a regression.
    assert failing in comparison.regressions and lacking not in comparison.regressions
    assert not compared(copied, NAMES[::-1]).row(HELLO).failed


def test_the_witness_says_where_it_has_seen_something_else(copied):
    before = []
    edit(copied, "main", lambda content: before.extend(column(content, COUNTS, "result")))

    def change(content):
        column(content, COUNTS, "result")[:] = before

    edit(copied, "optimized", change)
    row = compared(copied).row(IMPORT)
    assert row.verdict is Verdict.FASTER and row.witness is Verdict.SAME and row.disagree
    assert replace(row, verdict=Verdict.SAME, witness=Verdict.SLOWER).disagree
    assert not replace(row, verdict=Verdict.CANT_TELL, witness=Verdict.SLOWER).disagree


@pytest.mark.parametrize("count, verdict", [(100, Verdict.FASTER), (200, Verdict.CANT_TELL)])
def test_a_moved_count_replaces_significance(count, verdict):
    def side(seconds, instructions):
        cases = {
            Case(IMPORT): Measurement(seconds, tuple(seconds + k / 100 for k in range(4))),
            Case(HELLO): Measurement(1, (1.0, 1.01, 1.02, 1.03)),
            Case.parse(COUNT): Measurement(instructions),
        }
        return Side("", "", "", {}, cases)

    row = compare(side(2, 200), side(1, count), None, read_benchmarks(RESULTS)).row(IMPORT)
    assert row.adjusted_p_value > 0.05 and row.evidence.excludes_one
    assert row.verdict is verdict


def test_start_up_is_judged_by_the_same_rules_and_for_its_own_machine_alone(committed, copied):
    verdicts = {row.case.parameters[0]: row.verdict for row in committed.startup}
    assert verdicts["python"] is Verdict.SAME_CODE and verdicts["import"] is Verdict.FASTER
    (copied / MACHINE).rename(copied / "another")
    assert compare_revisions(copied, UPSTREAM, NAMES, "another").startup == ()


def test_of_several_machines_the_fullest_is_taken_and_named(copied, capsys, monkeypatch):
    folder = copied / "second"
    folder.mkdir()
    file_of(copied, "main").with_name("machine.json").rename(folder / "machine.json")
    monkeypatch.setattr(machines, "this_machine", lambda: "nobody")
    assert machines.likeliest(copied, [MACHINE, "second"]) == MACHINE
    said = f"Using results of '{MACHINE}'; choose others with --machine second\n"
    assert capsys.readouterr().err == said
    monkeypatch.setattr(machines, "this_machine", lambda: "second")
    assert machines.likeliest(copied, [MACHINE, "second"]) == "second"


def test_a_case_is_read_as_asv_writes_it():
    case = Case("a.B.time_c", ("x", "1"))
    assert (str(case), case.topic) == ("a.B.time_c(x, 1)", "a")
    assert Case.parse("a.B.time_c('x', 1)") == case
    assert Case.parse("a.B.time_c") == Case("a.B.time_c")
    assert Case.parse("a.B.time_c(x, y)", one_value=True) == Case("a.B.time_c", ("x, y",))
