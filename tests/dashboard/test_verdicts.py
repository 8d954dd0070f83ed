"""The page judges as mfbench/verdict does: on committed results and on generated samples."""

import json
import re
import shutil
from dataclasses import replace
from itertools import combinations, pairwise, product
from statistics import median

import numpy as np
import pytest

from dashboard import result_files
from dashboard.result_files import read_measured
from mfbench.foundation.git_command import commit_of
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.report.comparison_text import cells, means, summary_line
from mfbench.report.glance import costs_text, trust_text, verdict_sentence, where_text
from mfbench.report.words import value_text
from mfbench.repository.control import control_of
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.reader import RUNS_SINCE, Case
from mfbench.verdict.comparison import compare, timed_row, with_verdicts
from mfbench.verdict.revisions import compare_revisions
from mfbench.verdict.rows import Row, control_noise, same_code_noise
from mfbench.verdict.verdict import MOVED, Verdict, judge_count
from tests.committed import MACHINE, add_answers, edit, file_of
from tests.conftest import NEWEST
from tests.published_sites import MACHINES

pytestmark = pytest.mark.slow

COMMAND = "instructions.Command.track_run"
# As asv stores times: in milliseconds.
A_DAY = 24 * 60 * 60 * 1000
GLANCE = (verdict_sentence, where_text, costs_text, trust_text)
# What has to be the same of a row: words, and numbers.
OF_A_ROW = """const ofRow = (row) => [
  [row.case.name, row.verdict, row.reason, row.witness],
  [!!row.disagree, !!row.failed, !!row.otherRun],
  [row.ratio, row.evidence?.low, row.evidence?.high, row.adjustedPValue, row.controlNoise,
   row.detectable, row.instructions],
];"""
COMPARE = f"""(chosen) => {{
  {OF_A_ROW}
  const rows = compareCommits(data, ...chosen);
  const itself = compareItself(data, ...chosen.slice(0, 2));
  const glance = [verdictSentence(rows), whereText(rows), costsText(rows), trustText(rows, itself)];
  return [rows.map(ofRow), [controlNoise(rows), sameCodeNoise(rows), meansOf(rows).times], glance];
}}"""
LEFT_OUT = "(chosen) => otherRuns(data, ...chosen)"
JUDGE = f"""(table) => {{
  {OF_A_ROW}
  const rows = table.map(([witness, ...sides], place) => timed(
    {{ case: {{ name: String(place) }}, witness }}, ...sides.map((samples) => ({{ samples }}))));
  judge(rows);
  return rows.map((row) => ofRow({{ ...row, disagree: disagrees(row) }}));
}}"""
WORDS = """() => {
  const { machine, base, head } = data.default;
  const rows = compareCommits(data, machine, base, head);
  const verdicts = rows.map((row) => [row.case.name, verdictLine(row)]);
  const values = rows.map((row) => [row.case.name, valueText(row.before, row.case.unit)]);
  const leftOut = otherRuns(data, machine, base, head);
  const topics = d3.rollups(rows, meansOf, (row) => row.case.topic);
  return [summaryText(rows, leftOut), verdicts, topics, values];
}"""


def of_row(row):
    low, high = (row.evidence.low, row.evidence.high) if row.evidence else (None, None)
    witness = row.witness and row.witness.value
    return [
        [str(row.case), row.verdict.value, row.reason, witness],
        [row.disagree, row.failed, row.other_run],
        [
            row.ratio,
            low,
            high,
            row.adjusted_p_value,
            row.control_noise,
            row.detectable,
            row.instructions,
        ],
    ]


def require_same(found, rows):
    words, marks, numbers = zip(*sorted(found))
    expected_words, expected_marks, expected_numbers = zip(*sorted(map(of_row, rows)))
    assert (words, marks) == (expected_words, expected_marks)
    require_close(numbers, expected_numbers)


def require_close(found, expected):
    found, expected = (np.array(each, float) for each in (found, expected))
    # The page has six digits of each sample.
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-12)


def of_one_run(one, other):
    common = [
        (one.cases[each], other.cases[each]) for each in one.cases.keys() & other.cases.keys()
    ]
    return any(x.samples and y.samples and x.same_run(y) for x, y in common)


@pytest.mark.parametrize("machine", MACHINES)
def test_committed_results(machine, first_page, committed_results, look, data, measured):
    page = look(first_page)
    labels = {each["hash"]: each["label"] for each in data["commits"]}
    controls = {each["control_of"]: each["hash"] for each in data["commits"]}
    sides = [replace(each, name=labels[each.commit]) for each in measured.sides[machine]]
    by_commit = {each.commit: each for each in sides}
    assert len(by_commit) == len(sides), "a commit was measured in several environments"
    benchmarks = read_benchmarks(committed_results)
    # All pairs that have times of one run, one way round, and some that need not have.
    pairs = [*pairwise(sides)][::10] + [
        each for each in combinations(sides, 2) if of_one_run(*each)
    ]
    assert len(pairs) > 100
    for base, head in [*pairs[::2], *(pair[::-1] for pair in pairs[1::2])]:
        expected = compare(base, head, by_commit.get(controls.get(base.commit)), benchmarks)
        found, sums, glance = page.evaluate(COMPARE, [machine, base.commit, head.commit])
        require_same(found, expected.rows)
        assert glance == [say(expected) for say in GLANCE]
        mean = means(expected)[-1][1]
        require_close(sums, [control_noise(expected.rows), same_code_noise(expected.rows), mean])


@pytest.mark.parametrize("number", range(6))
def test_damaged_results(number, copied, page_of, look):
    base = commit_of(UPSTREAM, "main")
    edit(copied, "optimized", lambda content: damage(content, number))
    edit(copied, control_of(UPSTREAM, base), lambda content: damage(content, number + 2))
    page = look(page_of(read_measured(copied, UPSTREAM)))
    expected = compare_revisions(copied, UPSTREAM, (NEWEST, "optimized"), MACHINE)
    found, *_ = page.evaluate(COMPARE, [MACHINE, expected.base.commit, expected.head.commit])
    require_same(found, expected.rows)
    reasons = " ".join(words[2] for words, *_ in found)
    for each in (
        "failed in optimized",
        "different runs",
        "version",
        "needs at least",
        "no samples",
    ):
        assert each in reasons


def test_wrong_answers_and_several_runs(copied, page_of, look):
    commits = ("main", control_of(UPSTREAM, commit_of(UPSTREAM, "main")), "optimized")
    for shift, commit in enumerate(commits):
        edit(copied, commit, lambda content, shift=shift: begin_anew(content, shift))
        add_answers(copied, commit, {1: 0, 2: 1, 8: None, 64: shift})
    page = look(page_of(read_measured(copied, UPSTREAM)))
    for every_run in (False, True):
        pair = (NEWEST, "optimized")
        expected = compare_revisions(copied, UPSTREAM, pair, MACHINE, every_run=every_run)
        chosen = [MACHINE, expected.base.commit, expected.head.commit]
        require_same(page.evaluate(COMPARE, [*chosen, every_run])[0], expected.rows)
        if not every_run:
            assert page.evaluate(LEFT_OUT, chosen) == expected.left_out > 0
    assert {row.other_run for row in expected.rows if row.control_noise} == {False, True}
    reasons = " ".join(row.reason for row in expected.rows)
    for each in ("different runs", "wrong in optimized", f"wrong in {NEWEST} and optimized"):
        assert each in reasons


def test_a_commit_that_was_not_read_is_compared_as_the_others_are(
    copied, page_of, look, monkeypatch
):
    monkeypatch.setattr(result_files, "MOST_READ", 1)
    monkeypatch.setattr(result_files, "NEWEST_READ", 0)
    commit = commit_of(UPSTREAM, "optimized~3")
    shutil.copy(file_of(RESULTS, "optimized~3"), copied / MACHINE)
    measured = read_measured(copied, UPSTREAM)
    assert commit not in {side.commit for side in measured.sides[MACHINE]}
    pair = commit_of(UPSTREAM, "main"), commit
    page = look(page_of(measured))
    names = [page.evaluate("(hash) => nameOf(data, hash)", each) for each in pair]
    expected = compare_revisions(copied, UPSTREAM, names, MACHINE, commits=pair)
    require_same(page.evaluate(COMPARE, [MACHINE, *pair])[0], expected.rows)
    # Where no commit that was read has these counts, they are counts all the same.
    sides = [replace(side, cases=without_counts(side)) for side in measured.sides[MACHINE]]
    page = look(page_of(replace(measured, sides={MACHINE: sides})))
    found, *_ = page.evaluate(COMPARE, [MACHINE, *pair])
    row = expected.row(f"{COMMAND}(import metaflow)")
    require_same([each for each in found if each[0][0] == str(row.case)], [row])
    assert row.verdict in MOVED


def without_counts(side):
    return {case: each for case, each in side.cases.items() if case.benchmark != COMMAND}


def test_of_several_environments_the_last_measured_is_compared(copied, page_of, look):
    for path in (copied / MACHINE).glob("*-py3.11-*.json"):
        content = json.loads(path.read_text())
        content["env_name"] += "-renewed"
        content["requirements"]["xxhash"] = "3.6.0"
        # Only some were measured again.
        content["results"] = dict([*content["results"].items()][::2])
        place = content["result_columns"].index("started_at")
        for columns in content["results"].values():
            columns[place] += A_DAY
        # In the order of names it comes last.
        path.with_name(f"{path.name[:-13]}ffffffff.json").write_text(json.dumps(content))
    page = look(page_of(read_measured(copied, UPSTREAM)))
    expected = compare_revisions(copied, UPSTREAM, (NEWEST, "optimized"), MACHINE)
    for side in (expected.base, expected.head, expected.control):
        assert side.circumstances["xxhash"] == "3.6.0"
    found, *_ = page.evaluate(COMPARE, [MACHINE, expected.base.commit, expected.head.commit])
    require_same(found, expected.rows)


def begin_anew(content, shift):
    """Let most benchmarks be of one of three runs, and a few of another on each side."""
    place = content["result_columns"].index("started_at")
    for name, columns in content["results"].items():
        run = len(name) % 3 if len(name) % 7 else 3 + shift
        if run:
            columns[place] = int(1000 * RUNS_SINCE) + run


def damage(content, number):
    """Change each benchmark's results in one of several ways."""
    for place, columns in enumerate(content["results"].values(), number):
        found = dict(zip(content["result_columns"], columns))
        few = [each and each[:3] for each in found.get("samples") or []]
        found |= (
            {"version": "another"},
            {"started_at": found["started_at"] + 36_000_000},
            {"result": [None, *found["result"][1:]]},
            {"samples": few, "result": [each and median(each) for each in few]} if few else {},
            {"samples": None} if few else {},
            {} if few else {"result": [each and each + 10 for each in found["result"]]},
        )[place % 6]
        columns[:] = found.values()


def test_generated_samples(first_page, look):
    page, seen = look(first_page), set()
    generator = np.random.default_rng(20191203)
    for number in range(60):
        table = [samples(generator, digits=2 + number % 4) for _ in range(1 + number % 20)]
        counts = generator.choice([None, *MOVED, Verdict.SAME], len(table))
        rows = [
            timed_row(Row(Case(str(place)), "seconds", Verdict.CANT_TELL, witness=count), *each)
            for place, (count, each) in enumerate(zip(counts, table))
        ]
        found = page.evaluate(JUDGE, [[count, *each] for count, each in zip(counts, table)])
        require_same(found, with_verdicts(rows))
        seen |= {
            re.sub(r"\d\S*", "N", " ".join(words[1:3]).replace("rounds", "round"))
            for words, *_ in found
        }
    assert seen == {
        *("faster ", "slower ", "same ", "same below N", "can't tell below N"),
        *("can't tell the control differs as much", "can't tell N more round would narrow it"),
        "can't tell too noisy: changes below N are invisible",
        "can't tell may be chance among N cases (adjusted p N",
    }


def samples(generator, digits):
    """Return times of base, head and control; few digits make some of them equal."""
    spread, change = generator.choice([0.001, 0.02, 0.2]), generator.choice([0, 0, 0.02, 0.1, 1])
    middles = [1, np.exp(generator.choice([-1, 1]) * change), 1 + generator.choice([0, 0.05])]
    counts = [*generator.integers(4, 13, 2), generator.choice([0, 4, 7])]
    times = (m * np.exp(generator.normal(0, spread, count)) for m, count in zip(middles, counts))
    return [[float(f"{each:.{digits}g}") for each in side] for side in times]


def test_counts(first_page, look):
    values = (0, 1000, 1004, 1006, 1009, 1011, 2000)
    chosen = [*product(values, values, (None, *values), ("instructions", "bytes", "modules"))]
    judge = "(chosen) => chosen.map((each) => judgeCount(...each))"
    for each, (verdict, noise) in zip(chosen, look(first_page).evaluate(judge, chosen)):
        expected, control = judge_count(*each)
        assert verdict == expected.value, each
        require_close(noise, control)


def test_words(first_page, look, first_comparison):
    summary, verdicts, found, values = look(first_page).evaluate(WORDS)
    # The page has a checkbox in place of the option.
    assert summary == re.sub(r" \(--every-run shows .*?\)", "", summary_line(first_comparison))
    rows = first_comparison.rows
    assert dict(values) == {str(row.case): value_text(row.before, row.unit) for row in rows}
    assert dict(verdicts) == {
        str(row.case): cells(row)[-1].replace("result of main", f"result of {NEWEST}")
        for row in first_comparison.rows
    }
    expected = {topic: [times, counts] for topic, times, counts, _ in means(first_comparison)}
    for topic, mean in found:
        require_close([mean["times"], mean["instructions"]], expected.get(topic, [None, None]))
