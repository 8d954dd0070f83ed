"""A search measures few commits, and finds the one that changed."""

import math
import subprocess
import sys

import pytest

from scripts import bisect
from scripts.errors import Failure
from scripts.git_command import commit_of, git
from scripts.measurements import Case
from scripts.paths import ROOT, UPSTREAM


@pytest.mark.parametrize("count", [1, 2, 3, 63, 64, 65])
def test_every_place_is_found_with_few_measurements(count):
    commits = [str(number) for number in range(count)]
    for changed in range(count):
        found = bisect.first_changed(commits, lambda commit, first=changed: int(commit) >= first)
        assert found.commit == str(changed)
        assert len(found.measured) <= math.ceil(math.log2(count)) + 1
        assert len(set(found.measured)) == len(found.measured)


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
