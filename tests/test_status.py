"""STATUS.md is the one that the committed results give."""

import itertools
import json
import re

from benchmarks.common import OTHER_PAYLOADS
from optimizations import SERIES
from scripts import case_study, history, other_content, status
from scripts.bench import CLAIMS
from scripts.git_command import git
from scripts.paths import RESULTS, UPSTREAM
from scripts.readme_table import MACHINES, Measured, Row, index_of, read_case
from scripts.series import write_series


def test_every_optimisation_of_the_case_study_is_in_the_series():
    known = {optimization.name for optimization in SERIES}
    assert {target.optimization for target in case_study.TARGETS} <= known


def test_a_target_is_compared_with_the_commit_below_it(monkeypatch):
    history.ensure(UPSTREAM)
    base = git(UPSTREAM, "rev-parse", "main")
    series = [commit for commit in write_series(UPSTREAM, base) if commit.hash]
    target = next(each for each in case_study.TARGETS if each.optimization == "defer_asyncio")
    place = [commit.name for commit in series].index("defer_asyncio")
    asked = []

    def note(results, machine, commit, row):
        asked.append(commit)
        return read_case(results, machine, commit, row)

    monkeypatch.setattr(status, "read_case", note)
    (line,) = status.row_of(target, series, series[place - 1].hash, "10 of 10")
    assert asked == [series[place - 1].hash, series[place].hash]
    assert series[place].hash[:8] in line and "10 of 10" in line


def test_a_target_without_a_commit_says_so():
    target = case_study.Target("something", "a claim", "nonesuch")
    assert "not yet" in status.row_of(target, [], "0" * 40, "0 of 10")[0]


def test_a_setting_is_compared_at_its_own_commit(monkeypatch):
    history.ensure(UPSTREAM)
    base = git(UPSTREAM, "rev-parse", "main")
    series = [commit for commit in write_series(UPSTREAM, base) if commit.hash]
    target = next(each for each in case_study.TARGETS if each.optimization == "blake3_keys")
    asked = []

    def note(results, machine, commit, row):
        asked.append((commit, row.benchmark))
        return Measured(2.0 if "Blake3" not in row.benchmark else 1.0, ())

    monkeypatch.setattr(status, "read_case", note)
    lines = status.row_of(target, series, base, "10 of 10")
    own = next(commit.hash for commit in series if commit.name == "blake3_keys")
    with_setting = [commit for commit, benchmark in asked if "Blake3" in benchmark]
    assert set(with_setting) == {own} and len(with_setting) == len(target.switched)
    assert asked[-2:] == [(own, case_study.FIND_KEYS[0]), (own, case_study.FIND_KEYS[1])]
    assert all("**2×**" in line for line in lines[len(target.rows) :])


def test_the_rival_stands_beside_the_series(monkeypatch):
    values = {
        ("release", "artifacts.Save.time_save"): 6.0,
        ("release", "rival.SaveWithLz4.time_save"): 2.0,
        ("tip", "artifacts.Save.time_save"): 1.0,
    }

    def known(results, machine, commit, row):
        value = values.get((commit, row.benchmark))
        return None if value is None else Measured(value, ())

    monkeypatch.setattr(status, "read_case", known)
    rival, ours = status.rival_table("release", "tip").splitlines()[2:4]
    assert rival.startswith("| dict 233 B | lz4 frames | 3× | not measured | not measured | no ")
    assert ours.startswith("| dict 233 B | the series | 6× | not measured | not measured | every ")


def test_without_results_no_number_of_the_rival_is_given(monkeypatch, tmp_path):
    monkeypatch.setattr(status, "RESULTS", tmp_path)
    (tmp_path / MACHINES[0]).mkdir()
    lines = status.rival_table("0" * 40, "1" * 40).splitlines()[2:]
    assert len(lines) == 2 * len(status.RIVAL_PAYLOADS)
    assert all(line.count("not measured") == len(status.RIVAL_CASES) for line in lines)


def test_what_the_tables_compare_is_measured():
    stored = json.loads((RESULTS / "benchmarks.json").read_text())
    target = next(each for each in case_study.TARGETS if each.optimization == "blake3_keys")
    pairs = [*target.switched]
    for case in status.RIVAL_CASES:
        for _, payload in status.RIVAL_PAYLOADS:
            pairs.append(tuple(Row(payload, name, (payload,)) for name in case))
    for _, payload in other_content.KINDS:
        pairs.append(tuple(Row(payload, name, (payload,)) for name in other_content.BENCHMARKS))
    for row in itertools.chain(*pairs):
        assert index_of(stored[row.benchmark]["params"], row.parameters) is not None, row


def test_each_commit_of_the_series_states_its_effect():
    history.ensure(UPSTREAM)
    effects = status.measured_effects(UPSTREAM)
    assert list(effects) == [optimization.name for optimization in SERIES]
    assert [name for name, lines in effects.items() if not lines] == ["control"]
    assert any(" M -> " in line for line in effects["lazy_plugins"])


def test_the_page_is_the_one_that_the_results_give():
    history.ensure(UPSTREAM)
    written = status.STATUS.read_text(encoding="utf-8")
    for commit in write_series(UPSTREAM, git(UPSTREAM, "rev-parse", "main")):
        for line in status.measured_effects(UPSTREAM)[commit.name]:
            assert line.rpartition(", ")[2] in written, (commit.name, line)
    before, after = (git(UPSTREAM, "rev-parse", name) for name in ("main", "optimized"))
    assert status.goals(UPSTREAM) in written
    assert status.rival_table(before, after) in written
    with_isal, without_isal = status.others(UPSTREAM)
    first, second = written.index(with_isal), written.index(without_isal)
    assert written.index("With isal:") < first < written.index("Without isal and zlib-ng") < second


def test_all_other_content_is_in_the_page_and_measured_without_isal():
    assert [payload for _, payload in other_content.KINDS] == list(OTHER_PAYLOADS)
    (only,) = [only for names, only in CLAIMS if set(names) == set(other_content.WITHOUT_ISAL)]
    assert all(re.search(only, benchmark) for benchmark in other_content.BENCHMARKS)
