"""What was measured in part, quickly or of another version is not taken for measured."""

import json
import shutil
from dataclasses import replace

import pytest

from scripts.discovery import known_benchmarks
from scripts.git_command import git
from scripts.measured import chosen, measured_benchmarks, seconds_of_benchmarks
from scripts.paths import RESULTS, UPSTREAM

MACHINE = "reference"
SAVE, RUN = "artifacts.Save.time_save", "flows.Run.time_hello"
CARD = "flows.Card.time_run"
COUNTS = "instructions.Artifact.track_save"
ALL = [SAVE, RUN, CARD, COUNTS]


@pytest.fixture(scope="module")
def known():
    found = [each for each in known_benchmarks() if each.name in ALL]
    assert len(found) == len(ALL)
    return found


@pytest.fixture
def stored(tmp_path, known):
    """Results of the newest release; called with a benchmark, it lets its columns be changed."""
    shutil.copytree(RESULTS / MACHINE, tmp_path / MACHINE)
    commit = git(UPSTREAM, "rev-parse", "main")
    (path,) = (tmp_path / MACHINE).glob(f"{commit[:8]}-*.json")

    def change(benchmark, column, values):
        read = json.loads(path.read_text())
        entry = read["results"][benchmark]
        place = read["result_columns"].index(column)
        entry[place] = values(entry[place])
        path.write_text(json.dumps(read))

    change.measured = lambda benchmarks: measured_benchmarks(
        tmp_path, MACHINE, commit, benchmarks, known
    )
    return change


def skipped(values):
    return [float("nan")] * len(values)


def test_of_the_committed_results_all_is_measured(stored, known):
    assert stored.measured(known) == set(ALL)


def test_what_was_measured_of_some_cases_is_not(stored, known):
    stored(SAVE, "result", lambda values: [float("nan"), *values[1:]])
    assert SAVE not in stored.measured(known)
    # But of who asks for one of the others, it is.
    assert SAVE in stored.measured(chosen(known, "time_save.*float64-8MB"))


def test_what_was_skipped_is_and_a_count_that_was_is_not(stored, known):
    stored(CARD, "result", skipped)
    stored(COUNTS, "result", skipped)
    assert stored.measured(known) == {SAVE, RUN, CARD}


def test_what_failed_is(stored, known):
    stored(SAVE, "result", lambda values: [None, *values[1:]])
    assert SAVE in stored.measured(known)


def test_a_quick_run_is_no_measurement_and_what_it_skipped_is_not_either(stored, known):
    stored(RUN, "samples", lambda values: [each and each[:1] for each in values])
    stored(CARD, "result", skipped)
    assert stored.measured(known) == {SAVE, COUNTS}
    # Whoever asks for nothing else is told so, too.
    assert stored.measured(chosen(known, r"^flows\.Card")) == set()


def test_another_version_or_parameter_is_not(stored, known):
    newer = [replace(each, version="another") for each in known]
    assert stored.measured(newer) == set()
    more = [replace(each, cases=(*each.cases, f"{each.name}('new')")) for each in known]
    assert stored.measured(more) == set()


def test_a_pattern_chooses_cases(known):
    (save,) = chosen(known, r"^artifacts\.Save\..*random")
    assert save.name == SAVE and all("random" in case for case in save.cases) and save.cases
    assert chosen(known, "^nothing") == []


def test_seconds_are_of_what_began_in_a_run_and_of_what_it_prepared(tmp_path):
    commit = git(UPSTREAM, "rev-parse", "main")
    (path,) = (RESULTS / MACHINE).glob(f"{commit[:8]}-*.json")
    (tmp_path / MACHINE).mkdir()
    read = json.loads(path.read_text())
    began, took = map(read["result_columns"].index, ("started_at", "duration"))
    for place, name in enumerate((SAVE, RUN)):
        entry = read["results"][name]
        entry[began], entry[took] = 1_000_000 * (place + 1), 10.0 * (place + 1)
    read["results"] = {name: read["results"][name] for name in (SAVE, RUN)}
    prepared = {"<setup_cache artifacts:1>": 3.0, "<setup_cache flows:9>": 1.0}
    read["durations"] = {**prepared, "<setup_cache imports:7>": 1000.0, "<build>": 100.0}
    (tmp_path / MACHINE / path.name).write_text(json.dumps(read))
    assert seconds_of_benchmarks(tmp_path, MACHINE, commit, 0) == 34
    # What was prepared for others was so in another run.
    assert seconds_of_benchmarks(tmp_path, MACHINE, commit, 1500) == 21
