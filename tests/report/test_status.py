"""STATUS.md is the one that the committed results give."""

import re
from dataclasses import replace

import pytest

from mfbench.foundation.paths import RESULTS, ROOT, UPSTREAM
from mfbench.report import pulls, status
from mfbench.report.content_tables import ONE_CLIENT, rival_table
from mfbench.report.readme_table import machine_of_tables
from mfbench.repository.series import read_pulls, read_series
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.reader import Case, Measurement, Side, read_sides
from mfbench.verdict.comparison import compare, timed_row
from mfbench.verdict.rows import Comparison, Row
from mfbench.verdict.targets import missed
from mfbench.verdict.verdict import Verdict
from optimizations import SERIES
from optimizations.edits import Claim, Optimization, Target
from tests.committed import MACHINE

SAVE, LZ4 = "artifacts.Save.time_save(text-10MB)", "rival.SaveWithLz4.time_save(text-10MB)"
TARGET = Target("something", "much", SAVE, 1.5, "")
CLAIMS = (Claim(SAVE, "saving"),)


@pytest.fixture(scope="module")
def all_pulls():
    return pulls.read_all(RESULTS, UPSTREAM, machine_of_tables(RESULTS, UPSTREAM))


def test_each_is_compared_with_the_commit_below_it_alone_and_in_the_series(all_pulls):
    alone, inside = (
        {commit.name: commit for commit in read(UPSTREAM)} for read in (read_pulls, read_series)
    )
    assert [each.commit for each in all_pulls] == [each.hash for each in alone.values()]
    for pull in all_pulls:
        commit, claims = alone[pull.optimization.name], pull.optimization.claims
        rows = [row for claim in claims if not claim.against and (row := pull.rows[claim.case])]
        pairs = [(commit.below, row) for row in rows]
        if not claims[0].against:
            pairs.append((inside[pull.optimization.name].below, pull.in_series))
        for below, row in pairs:
            (side,) = read_sides(RESULTS, MACHINE, "", below)
            assert row.before == side.cases[row.case].value


def test_what_a_line_saves_is_a_share_of_the_headline():
    idea = Optimization("idea", "Save less.", lambda tree: None, CLAIMS)
    row = replace(Row(Case.parse(SAVE), "bytes", Verdict.FASTER), before=10.0, after=6.0)
    pull = pulls.Pull(idea, "1" * 40, {SAVE: row}, None, added=20)
    assert pull.saved_per_line == pytest.approx(0.02)
    unknown = pulls.Pull(Optimization("other", "Try it.", lambda tree: None, CLAIMS))
    shares = {"idea": "3 of 4", "other": "0 of 4"}
    lines = status.lines_table([unknown, pull], shares).splitlines()[2:]
    assert lines == [
        "| `idea` (`11111111`) | saving | **1.667× smaller** | not measured | 20 | 2% | 3 of 4 |",
        "| `other` (does not apply) | saving | not measured | not measured | 0 | – | 0 of 4 |",
        "| in all |  |  |  | 20 |  |  |",
    ]


def test_a_target_is_judged_by_its_median_and_says_where_the_interval_begins_below():
    row = Row(Case.parse(SAVE), "seconds", Verdict.CANT_TELL)
    steady = timed_row(row, [2.0, 2.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1.0])
    noisy = timed_row(row, [2.0, 2.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.9, 1.9])
    assert missed(steady, TARGET.at_least) == ""
    assert missed(noisy, TARGET.at_least).endswith("the interval begins below.")
    assert missed(steady, 2.5) == "Missed: 2.5× was wanted."
    assert missed(None, TARGET.at_least) == ""


def test_a_claim_may_be_of_two_cases_at_one_commit():
    times = {SAVE: [2.0, 2.01, 2.02, 2.03], LZ4: [1.0, 1.01, 1.02, 1.03]}
    # The versions of two benchmarks always differ.
    cases = {
        Case.parse(name): Measurement(each[0], tuple(each), name) for name, each in times.items()
    }
    commit = Side("release", "0" * 40, "python", {}, cases)
    comparison = Comparison(commit, commit, None)
    row = pulls.claimed_row(Claim(LZ4, "saving", against=SAVE), comparison, {})
    assert (str(row.case), row.before, row.after) == (LZ4, 2.0, 1.0)
    assert row.verdict is Verdict.FASTER
    assert pulls.claimed_row(Claim(LZ4, "saving", against="nonesuch"), comparison, {}) is None


def test_a_rival_that_does_not_run_metaflow_is_judged():
    own, rival = (Case.parse(f"{name}(get)") for name in ONE_CLIENT["time"])

    def side(name, times):
        cases = {
            case: Measurement(seconds, tuple(seconds + n / 100 for n in range(8)), case.benchmark)
            for case, seconds in times.items()
        }
        return Side(name, name[0] * 40, "python", {}, cases)

    sides = side("base", {own: 4.0, rival: 1.0}), side("head", {own: 2.0, rival: 1.0})
    benchmarks = read_benchmarks(RESULTS)
    table = rival_table(compare(*sides, None, benchmarks), benchmarks, ONE_CLIENT, "batch", "x")
    assert re.findall(r"[^|]*faster", table) == [" **3.9× faster", " **1.98× faster"]


def test_a_patch_that_does_not_apply_has_no_numbers():
    pull = pulls.Pull(Optimization("idea", "Save less.", lambda tree: None, CLAIMS, TARGET))
    (line,) = status.targets_table([pull]).splitlines()[2:]
    assert ": – | not measured |" in line and "(does not apply)" in line


def test_each_patch_states_what_was_measured_of_it():
    effects = pulls.measured_effects(UPSTREAM)
    assert list(effects) == [optimization.name for optimization in SERIES]
    for each in SERIES:
        starts = [f"{claim.label.replace('`', '')}: " for claim in each.claims]
        lines = effects[each.name]
        assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))
        assert all(" → " in line and not set(line) & set("`*") for line in lines)


def test_the_page_is_the_one_that_the_results_give(monkeypatch):
    # Finding out how many releases take a patch takes minutes.
    taken = {each.name: "1 of 1" for each in SERIES}
    monkeypatch.setattr(status.applicability, "shares", lambda _: taken)
    pages = (status.status_page(RESULTS, UPSTREAM), (ROOT / "STATUS.md").read_text("utf-8"))
    made, written = (re.sub(r"\d+ of \d+ \|$", "", page, flags=re.MULTILINE) for page in pages)
    assert made == written
    assert "not measured" not in made
