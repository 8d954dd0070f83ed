"""A search measures few commits, and finds the one that changed."""

import math
import re
import shutil
import subprocess
import sys

import pytest

from scripts import bisection as bisect
from scripts.errors import Failure
from scripts.git_command import commit_of, git
from scripts.measurements import Case
from scripts.paths import RESULTS, ROOT, UPSTREAM
from tests.project_clones import variables


@pytest.mark.parametrize("count", [1, 2, 3, 63, 64, 65])
def test_every_place_is_found_with_few_measurements(count):
    commits = [str(number) for number in range(count)]
    for changed in range(count):
        found = bisect.first_changed(commits, lambda commit, first=changed: int(commit) >= first)
        assert found.commit == str(changed)
        assert len(found.measured) <= math.ceil(math.log2(count)) + 1
        assert len(set(found.measured)) == len(found.measured)


@pytest.mark.parametrize("broken", [{31}, {30, 31, 32}, {0}, {47}])
def test_a_commit_that_can_not_be_measured_is_left_out(broken):
    commits = [str(number) for number in range(64)]

    def is_changed(commit):
        return None if int(commit) in broken else int(commit) >= 48

    found = bisect.first_changed(commits, is_changed)
    assert found.commit == "48"
    assert set(found.skipped) <= {str(number) for number in broken}
    assert len(found.measured) <= 7 + len(broken)
    if broken == {47}:
        assert found.skipped == ("47",)


def test_instructions_decide_where_they_are_counted(monkeypatch):
    timed = Case("imports.Import.timeraw_metaflow")
    count = Case("instructions.Command.track_run", ("import metaflow",))
    monkeypatch.setattr(bisect.shutil, "which", lambda name: "/bin/true")
    assert bisect.count_of(timed) == bisect.count_of(count) == count
    assert bisect.count_of(Case("multicore.ParallelMap.time_map", ("1", "default"))) is None
    monkeypatch.setattr(bisect.shutil, "which", lambda name: None)
    assert bisect.count_of(timed) is None


def test_no_change_is_said():
    with pytest.raises(Failure, match="no other than the good one"):
        bisect.first_changed(["a", "b"], lambda commit: False)


def test_commits_lie_between_and_in_order():
    main, tip = commit_of(UPSTREAM, "main"), commit_of(UPSTREAM, "optimized")
    commits = bisect.between(UPSTREAM, main, tip)
    assert commits == git(UPSTREAM, "rev-list", "--reverse", "main..optimized").split()
    with pytest.raises(Failure, match="must be an ancestor"):
        bisect.between(UPSTREAM, tip, main)


def test_a_case_is_named_as_asv_does_or_in_part():
    count = Case("instructions.Command.track_run", ("import metaflow",))
    assert bisect.chosen_case("instructions.Command.track_run('import metaflow')") == count
    assert bisect.chosen_case("instructions.Command.track_run(import metaflow)") == count
    assert bisect.chosen_case("flows.Run") == Case("flows.Run.time_hello")
    with pytest.raises(Failure, match="may be one of"):
        bisect.chosen_case("ParallelMap.time_map")
    with pytest.raises(Failure, match="no benchmark is called anything"):
        bisect.chosen_case("anything")


def test_a_bad_commit_ends_in_a_line():
    command = [sys.executable, "-m", "scripts.bisect", "--good", "main", "--bad", "nonsense"]
    finished = subprocess.run(
        [*command, "--bench", "flows.Run"], cwd=ROOT, capture_output=True, text=True
    )
    assert finished.returncode == 3
    assert finished.stderr.startswith("error: unknown revision nonsense")


# What a pass of an empty loop at a module's level executes, about, and what the import does.
INSTRUCTIONS_OF_A_PASS, INSTRUCTIONS_OF_THE_IMPORT = 410, 931e6
PLANT = """
import sys
from scripts.git_command import git
from scripts.paths import UPSTREAM
from scripts.planted import planted

commit = git(UPSTREAM, "rev-parse", "main")
for number in range(1, 65):
    passes = {"import": int(sys.argv[1])} if number == 41 else {}
    commit = planted(UPSTREAM, commit, passes, f"Commit {number}")
print(commit)
"""


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is missing")
def test_five_percent_of_import_are_found_among_64_commits(clone):
    def run(*command):
        finished = subprocess.run(
            [sys.executable, *command],
            cwd=clone,
            env=variables(clone),
            capture_output=True,
            text=True,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return finished.stdout

    (clone / "results").mkdir()
    shutil.copy(RESULTS / "benchmarks.json", clone / "results")
    run("-m", "scripts.history")
    passes = round(0.05 * INSTRUCTIONS_OF_THE_IMPORT / INSTRUCTIONS_OF_A_PASS)
    bad = run("-c", PLANT, str(passes)).split()[-1]
    arguments = ["--good", "main", "--bad", bad, "--bench", "imports.Import.timeraw_metaflow"]
    said = run("-m", "scripts.bisect", *arguments, "--machine", "ci")
    assert "deciding by instructions.Command.track_run(import metaflow)" in said
    assert re.search("imports.Import.timeraw_metaflow changed with [0-9a-f]{8} Commit 41\n", said)
    measured = re.search(r"64 commits, (\d+) of them measured, and the good one", said)
    assert int(measured[1]) <= 7
