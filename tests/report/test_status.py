"""STATUS.md is the one that the committed results give."""

import re
from dataclasses import replace

import pytest

from mfbench.foundation.paths import RESULTS, ROOT, UPSTREAM
from mfbench.report import status
from mfbench.report.readme_table import machine_of_tables
from mfbench.repository.series import find_commit, read_series
from mfbench.results.reader import Case, Measurement, Side, read_sides
from mfbench.verdict.comparison import timed_row
from mfbench.verdict.rows import Comparison, Row
from mfbench.verdict.verdict import Verdict
from optimizations import SERIES
from optimizations.edits import Claim, Target
from tests.committed import MACHINE

SAVE, LZ4 = "artifacts.Save.time_save(text-10MB)", "rival.SaveWithLz4.time_save(text-10MB)"
TARGET = Target("something", "much", SAVE, 1.5, "")


@pytest.fixture(scope="module")
def patches():
    return status.patches(RESULTS, UPSTREAM, machine_of_tables(RESULTS, UPSTREAM))


def test_each_patch_is_compared_with_the_commit_below_it(patches):
    base = find_commit(UPSTREAM, "main")
    commits = [base, *(each.hash for each in read_series(UPSTREAM))]
    assert [each.commit for each in patches] == commits[1:]
    name = "multicore.ParallelMap.time_map(8, default)"
    (place,) = (place for place, each in enumerate(patches) if name in each.rows)
    (below,) = read_sides(RESULTS, MACHINE, "", commits[place])
    assert patches[place].rows[name].before == below.cases[Case.parse(name)].value


def test_a_target_is_judged_by_its_median_and_says_where_the_interval_begins_below():
    row = Row(Case.parse(SAVE), "seconds", Verdict.CANT_TELL)
    steady = timed_row(row, [2.0, 2.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.0, 1.0])
    noisy = timed_row(row, [2.0, 2.0, 2.0, 2.0, 2.0], [1.0, 1.0, 1.0, 1.9, 1.9])
    assert status.missed(steady, TARGET) == ""
    assert status.missed(noisy, TARGET).endswith("the interval begins below.")
    assert status.missed(steady, replace(TARGET, at_least=2.5)) == "Missed: 2.5× was wanted."
    assert status.missed(None, TARGET) == ""


def test_a_claim_may_be_of_two_cases_at_one_commit():
    times = {SAVE: [2.0, 2.01, 2.02, 2.03], LZ4: [1.0, 1.01, 1.02, 1.03]}
    # The versions of two benchmarks always differ.
    cases = {
        Case.parse(name): Measurement(each[0], tuple(each), name) for name, each in times.items()
    }
    commit = Side("release", "0" * 40, "python", {}, cases)
    comparison = Comparison(commit, commit, None)
    row = status.claimed_row(Claim(LZ4, "saving", against=SAVE), comparison, {})
    assert (str(row.case), row.before, row.after) == (LZ4, 2.0, 1.0)
    assert row.verdict is Verdict.FASTER
    assert status.claimed_row(Claim(LZ4, "saving", against="nonesuch"), comparison, {}) is None


def test_a_patch_that_does_not_apply_has_no_numbers():
    patch = status.Patch(next(each for each in SERIES if each.target), "", {})
    (line,) = status.targets_table([patch]).splitlines()[2:]
    assert ": – | not measured |" in line and "(does not apply)" in line


def test_each_commit_of_the_series_states_its_effect():
    effects = status.measured_effects(UPSTREAM)
    assert list(effects) == [optimization.name for optimization in SERIES]
    assert [name for name, lines in effects.items() if not lines] == ["control"]
    assert effects["defer_requests"] == ["import metaflow: 931.3 M → 711.3 M, 1.309× fewer"]
    assert all("faster (" in line for line in effects["event_waiting"])


def test_the_page_is_the_one_that_the_results_give(monkeypatch):
    # Finding out how many releases take a patch takes minutes.
    taken = {"main": {each.name: "" for each in SERIES}}
    monkeypatch.setattr(status.applicability, "outcomes", lambda *_: taken)
    pages = (status.status_page(RESULTS, UPSTREAM), (ROOT / "STATUS.md").read_text("utf-8"))
    made, written = (re.sub(r"\d+ of \d+ \|$", "", page, flags=re.MULTILINE) for page in pages)
    assert made == written
    assert "not measured" not in made
