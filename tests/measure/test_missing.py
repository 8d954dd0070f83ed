"""What was measured in part, quickly or in another version is measured again; nothing else is."""

import math
import shutil
from dataclasses import replace

import pytest

from mfbench.foundation.git_command import commit_of
from mfbench.foundation.paths import UPSTREAM
from mfbench.measure.jobs import jobs_for
from mfbench.measure.missing import missing_jobs
from mfbench.measure.selection import select
from tests.committed import MACHINE, edit, file_of, measured_with, renew

SAVE, RUN = "artifacts.Save.time_save", "flows.Run.time_hello"
CARD, COUNTS = "flows.Card.time_run", "instructions.Artifact.track_save"


@pytest.fixture
def lacking(copied, benchmarks, request_of, monkeypatch):
    """Return the cases that main lacks in a copy of its committed results."""
    renew(copied / MACHINE, benchmarks)
    monkeypatch.setattr(shutil, "which", lambda name: name)

    def call(**more):
        asked = request_of(MACHINE, results=copied, **more)
        jobs = jobs_for("x", dict.fromkeys(asked.cases, (commit_of(UPSTREAM, "main"),)), asked)
        return {case for job in missing_jobs(jobs, asked) for case in job.cases}

    return call


def change(results, benchmark, column, values):
    def changed(content):
        place = content["result_columns"].index(column)
        entry = content["results"][benchmark]
        entry[place] = values(entry[place])

    edit(results, "main", changed)


def skipped(values):
    return [math.nan] * len(values)


def names(cases):
    return {case.benchmark for case in cases}


def test_nothing_is_missing_of_the_committed_results_and_everything_without_them(
    lacking, copied, benchmarks
):
    assert lacking() == set()
    file_of(copied, "main").unlink()
    assert names(lacking()) == names(select(benchmarks, "thorough"))


@pytest.mark.parametrize(
    ("benchmark", "column", "values", "missing"),
    [
        # Nobody asked for one of its cases.
        (SAVE, "result", lambda values: [math.nan, *values[1:]], {SAVE}),
        # It failed, and will again.
        (SAVE, "result", lambda values: [None, *values[1:]], set()),
        (CARD, "result", skipped, set()),
        # Without valgrind nothing is counted.
        (COUNTS, "result", skipped, {COUNTS}),
        # As a run leaves that was stopped, whatever its commit has of older runs.
        (SAVE, "samples", lambda values: [each and each[:-1] for each in values], {SAVE}),
        (SAVE, "samples", lambda values: None, {SAVE}),
    ],
)
def test_what_nobody_has_measured_is_missing(lacking, copied, benchmark, column, values, missing):
    change(copied, benchmark, column, values)
    assert names(lacking()) == missing


def test_without_valgrind_no_count_is(lacking, copied, monkeypatch):
    change(copied, COUNTS, "result", skipped)
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "valgrind" else name)
    assert lacking() == set()


def test_fewer_samples_than_asked_for_are_not_enough(lacking):
    assert SAVE not in names(lacking(rounds=2))
    assert {SAVE, RUN, CARD} <= names(lacking(rounds=100))


def test_a_quick_run_is_measured_again_with_what_it_skipped(lacking, copied):
    change(copied, RUN, "samples", lambda values: [each and each[:1] for each in values])
    change(copied, CARD, "result", skipped)
    assert {RUN, CARD} <= names(lacking())


def test_another_version_or_parameter_is_measured_again(lacking, benchmarks):
    save = benchmarks[SAVE]
    newer = benchmarks | {RUN: replace(benchmarks[RUN], version="another")}
    newer[SAVE] = replace(save, parameters=((*save.parameters[0], "new"),))
    assert {str(case) for case in lacking(known=newer)} == {RUN, f"{SAVE}(new)"}


def test_what_another_python_measured_is_missing(lacking, copied, benchmarks):
    every = names(select(benchmarks, "thorough"))
    assert names(lacking(python="3.99")) == every
    measured_with(copied, "3.99", "main")
    assert lacking(python="3.99") == lacking() == set()
