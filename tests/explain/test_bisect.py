"""A search measures few commits, and finds the one that changed a case."""

import json
import math
import re
import shutil
import subprocess
import sys
from functools import partial

import pytest
from click.testing import CliRunner

from mfbench.explain import bisect
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import commit_of
from mfbench.foundation.paths import RELEASES, RESULTS, ROOT, UPSTREAM
from mfbench.measure.jobs import Request
from mfbench.repository.control import control_of
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.reader import Case, Measurement
from tests.committed import MACHINE
from tests.project_clones import variables

IMPORT = Case("imports.Import.timeraw_metaflow")
IMPORT_COUNT = Case("instructions.Command.track_run", ("import metaflow",))
MAP = Case("multicore.ParallelMap.time_map", ("1", "8"))


def request_of(case):
    return Request(MACHINE, read_benchmarks(RESULTS), frozenset([case]))


@pytest.mark.parametrize("count", [1, 2, 3, 64, 65])
def test_every_place_is_found_with_few_measurements(count):
    commits = list(range(count))
    for changed in commits:
        measured = []

        def is_changed(commit, first=changed, measured=measured):
            measured.append(commit)
            return commit >= first

        assert bisect.first_changed(commits, is_changed) == [changed]
        assert len(measured) == len(set(measured)) <= math.ceil(math.log2(count)) + 1


@pytest.mark.parametrize(
    ("broken", "found"),
    [({30, 31, 32}, [48]), ({0}, [48]), ({46, 47, 49}, [46, 47, 48]), ({48}, [48, 49])],
)
def test_a_commit_that_cannot_be_measured_is_left_out(broken, found):
    def is_changed(commit):
        return None if commit in broken else commit >= 48

    assert bisect.first_changed(list(range(64)), is_changed) == found


def test_a_bad_commit_that_is_not_changed_is_said():
    for answer in (False, None):
        with pytest.raises(Failure, match="bad commit is as the good one, or can't be measured"):
            bisect.first_changed(["a", "b"], lambda commit, answer=answer: answer)


def test_counts_decide_where_there_are_any(monkeypatch):
    known = read_benchmarks(RESULTS)
    monkeypatch.setattr(bisect.shutil, "which", lambda name: "/bin/true")
    assert bisect.counted_case(IMPORT, known) == IMPORT_COUNT
    # The first declares no count; of the second, this payload has none.
    for case in (MAP, Case("artifacts.Save.time_save", ("no-payload",))):
        assert bisect.counted_case(case, known) == case
    monkeypatch.setattr(bisect.shutil, "which", lambda name: None)
    assert bisect.counted_case(IMPORT, known) == IMPORT


def test_a_case_is_named_as_asv_does_or_in_part():
    known = read_benchmarks(RESULTS)
    for name in ("'import metaflow'", "import metaflow"):
        assert bisect.find_case(f"instructions.Command.track_run({name})", known) == IMPORT_COUNT
    assert bisect.find_case("flows.Run", known) == Case("flows.Run.time_hello")
    for name, said in (("time_map", "name one of multicore"), ("no such case", "^0 cases' names")):
        with pytest.raises(Failure, match=said):
            bisect.find_case(name, known)


def test_committed_counts_decide_without_measuring(series, monkeypatch):
    def explain(good, bad):
        arguments = ["--good", good, "--bad", bad, "--bench", str(IMPORT_COUNT)]
        return CliRunner().invoke(bisect.command, [*arguments, "--machine", MACHINE])

    def measure(jobs, request):
        pytest.fail(f"{jobs} would be measured")

    monkeypatch.setattr(bisect, "THIS_PYTHON", "3.11")
    monkeypatch.setattr(bisect, "run_jobs", measure)
    assert "must be an ancestor" in str(explain("optimized", "main").exception)
    found = re.search(r"changed with ([0-9a-f]+) ", explain("main", "optimized").output)[1]
    base, before, after = (
        bisect.measurement(MACHINE, commit_of(UPSTREAM, name), IMPORT_COUNT).value
        for name in ("main", f"{found}~1", found)
    )
    assert abs(before / base - 1) <= 0.005 < abs(after / base - 1)


def test_a_wrong_answer_is_a_change(monkeypatch):
    every = bisect.cases_of(read_benchmarks(RESULTS))
    answer = next(case for case in every if case.topic == "answers")
    values = {"good": 0, "same": 0, "other": 1}
    monkeypatch.setattr(bisect, "measurement", lambda _, name, case: Measurement(values[name]))
    differs = partial(bisect.differs_in_value, answer, request_of(answer), "good")
    assert differs("other") and not differs("same")


def test_times_decide_with_as_many_rounds_as_they_need(series, monkeypatch):
    main, tip = commit_of(UPSTREAM, "main"), commit_of(UPSTREAM, "optimized")
    control, rounds = control_of(UPSTREAM, main), []

    def run(jobs, request):
        (job,) = jobs
        assert job.commits[:2] == [main, control]
        rounds.append(job.rounds)

    def differs(case, commit):
        return bisect.differs_in_time(case, request_of(case), main, commit)

    # What is committed stands for what would be measured.
    monkeypatch.setattr(bisect, "run_jobs", run)
    assert differs(IMPORT, tip) is True
    assert differs(MAP, control) is False
    assert differs(Case(MAP.benchmark, ("not", "measured")), tip) is None
    with pytest.raises(Failure, match="cannot be told from the good commit with 64 rounds"):
        differs(IMPORT, control)
    assert rounds == [8, 8, 8, 8, 16, 32, 64]


@pytest.mark.slow
def test_the_release_that_loads_more_modules_is_found_by_measuring(clone):
    versions = ("2.16.6", "2.16.7", "2.16.8")
    listed = json.loads(RELEASES.read_text())["releases"]
    few = {"releases": [each for each in listed if each["version"] in versions]}
    (clone / RELEASES.relative_to(ROOT)).write_text(json.dumps(few))
    (clone / "results").mkdir()
    shutil.copy(RESULTS / "benchmarks.json", clone / "results")
    command = [sys.executable, "-m", "mfbench", "explain", "commit", "--machine", "ci"]
    command += ["--good", versions[0], "--bad", versions[2], "--bench", "track_modules"]
    said = subprocess.check_output(command, cwd=clone, env=variables(clone), text=True)
    assert re.search(r"track_modules changed with [0-9a-f]+ metaflow 2\.16\.8\n", said)
