"""Planted slow-downs are where they are said to be, and the page counts what was seen."""

import json
import re

import numpy
import pytest
from click.testing import CliRunner

from mfbench.explain import harmless, sensitivity, sensitivity_report
from mfbench.explain.harmless import write_edits
from mfbench.explain.planted import PLACES, plant
from mfbench.explain.sensitivity_report import harmless_text, page
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of, git
from mfbench.foundation.paths import RESULTS
from mfbench.measure.selection import cases_of
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.reader import Measurement


def samples(seed, factor=1.0, rounds=30):
    return list(factor * numpy.exp(numpy.random.default_rng(seed).normal(0, 0.02, rounds)))


def side(first_seed, factor=1.0):
    return {f"case {i}": samples(first_seed + i, factor, 10) for i in range(30)}


@pytest.fixture
def found(monkeypatch):
    """What records/sensitivity.json holds, made up; with fewer draws, to be quick."""
    monkeypatch.setattr(sensitivity_report, "DRAWS", 20)
    counts = {"before": 1e9, "control": 1e9, "0.0": 1e9, "0.002": 1.002e9, "0.01": 1.01e9}
    return {
        "equal": {"before": side(0), "control": side(100), "after": side(200)},
        "before": {"x": samples(1)},
        "control": {"x": samples(2)},
        "slower": {str(share): {"x": samples(3, 1 + share)} for share in (0.0, 0.03, 0.10, 0.25)},
        "counts": {name: {"import": value} for name, value in counts.items()},
    }


def test_every_operation_is_slower_in_its_own_place_and_nothing_else_changes(upstream, monkeypatch):
    assert set(sensitivity.CASES.values()) <= set(cases_of(read_benchmarks(RESULTS)))
    main, references = commit_of(upstream, "main"), git(upstream, "for-each-ref")
    commit = plant(upstream, main, dict.fromkeys(PLACES, 123), "Slower")
    changes = git(upstream, "diff", "--numstat", main, commit).splitlines()
    added, removed, changed = zip(*(line.split() for line in changes))
    assert (sum(map(int, added)), set(removed)) == (3 * len(PLACES), {"0"})
    assert sorted(changed) == sorted({path for path, _, _ in PLACES.values()})
    for path, statement, _ in PLACES.values():
        source = git(upstream, "show", f"{commit}:{path}")
        compile(source, path, "exec")
        lines = [line.strip() for line in source.splitlines()]
        planted = lines[lines.index(statement) - 3 : lines.index(statement)]
        assert planted == ["def slower():", "for _ in range(123): pass", "slower()"]
    assert plant(upstream, main, {}, "Nothing") != plant(upstream, main, {}, "Nothing else")
    assert git(upstream, "for-each-ref") == references
    monkeypatch.setitem(PLACES, "import", ("metaflow/__init__.py", "import nothing", ""))
    with pytest.raises(Failure, match="has 0 lines 'import nothing', not one"):
        plant(upstream, main, {"import": 1}, "Slower")


@pytest.fixture
def harmless_record():
    """What records/harmless.json holds, made up: of ten edits, one changes a count."""
    cases = {f"case {i}": [1e9] for i in range(3)}
    counts = {f"edit {i}": cases for i in range(10)} | {"edit 9": cases | {"case 0": [1.009e9]}}
    return {
        "counts": {"before": cases} | counts,
        "times": {"before": side(0), "control": side(100), "edit 0": side(200)},
    }


def test_harmless_edits_that_are_called_are_counted(harmless_record):
    said = harmless_text(harmless_record)
    assert "**1 of these\n30 counts were false alarms.**" in said
    assert "The largest change was +0.900% (case 0 after edit 9)" in said
    assert "**0 of these 30 times were false alarms.**" in said
    harmless_record["times"]["edit 0"] = side(200, 1.5)
    assert int(re.search(r"\*\*(\d+) of these 30 times", harmless_text(harmless_record))[1]) >= 29


def test_harmless_edits_change_nothing_that_runs(upstream, monkeypatch):
    main, references = commit_of(upstream, "main"), git(upstream, "for-each-ref")
    monkeypatch.setattr(harmless, "UPSTREAM", upstream)
    edits = write_edits(main)
    assert len(edits) == len(set(edits.values())) == 20
    for commit in edits.values():
        changed = git(upstream, "diff", "--numstat", main, commit).splitlines()
        ((_, removed, path),) = (line.split() for line in changed)
        source = git(upstream, "show", f"{commit}:{path}")
        before = git(upstream, "show", f"{main}:{path}") if "harmless" not in path else ""
        added = source.removeprefix(before)
        assert added != source or not before
        assert removed == "0" and not re.search(r"^(import|from|class)|^\w+\(", added, re.MULTILINE)
        compile(source, path, "exec")
    assert git(upstream, "for-each-ref") == references


def test_the_page_says_all_of_it(found, harmless_record, tmp_path, monkeypatch):
    monkeypatch.setattr(sensitivity, "ROOT", tmp_path)
    monkeypatch.setattr(sensitivity, "HARMLESS", tmp_path / "harmless.json")
    (tmp_path / "harmless.json").write_text(json.dumps(harmless_record))
    monkeypatch.setattr(sensitivity, "SAMPLES", tmp_path / "sensitivity.json")
    monkeypatch.setattr(sensitivity, "PAGE", tmp_path / "sensitivity.md")
    (tmp_path / "sensitivity.json").write_text(json.dumps(found))
    ended = CliRunner().invoke(sensitivity.command, ["--report"])
    assert ended.output == "wrote sensitivity.md\n"
    made = (tmp_path / "sensitivity.md").read_text()
    assert "90 comparisons. **0 of them" in made
    seen = [float(share) for share in re.findall(r"\| \+\d+% \| ([\d.]+)% ", made)]
    assert seen[0] <= 5 and seen[1] < seen[2] <= seen[3] == 100
    assert "| +0.2% | import | +0.200% | same |" in made
    assert "| +1.0% | import | +1.000% | slower |" in made
    found["equal"]["after"] = side(200, 1.5)
    made = page(found, harmless_record)
    assert int(re.search(r"90 comparisons. \*\*(\d+) of them", made)[1]) >= 30


def test_what_is_measured_is_what_the_page_reads(upstream, harmless_record, monkeypatch):
    # Counts follow the passes that were planted; times are all the same.
    def measurement(machine, commit, case):
        if case.topic != "instructions":
            return Measurement(1.0, (1.0,) * 9)
        source = git(upstream, "show", f"{commit}:metaflow/__init__.py")
        return Measurement(1e9 + 100 * sum(map(int, re.findall(r"range\((\d+)\): pass", source))))

    monkeypatch.setattr(sensitivity, "UPSTREAM", upstream)
    monkeypatch.setattr(sensitivity, "measurement", measurement)
    monkeypatch.setattr(sensitivity, "measure", lambda commits, request, rounds: None)
    found = sensitivity.measure_all(commit_of(upstream, "main"), 9)
    assert list(found["slower"]) == ["0.0", "0.03", "0.05", "0.1", "0.25"]
    assert list(found["counts"]) == ["before", "control", "0.0", "0.002", "0.01"]
    monkeypatch.setattr(sensitivity_report, "DRAWS", 2)
    assert "| +1.0% | import | +1.000% | slower |" in page(found, harmless_record)
