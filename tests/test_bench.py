"""The main job's choices; tests/test_asv.py and .ci/run run it."""

import itertools
import json
import re
import subprocess
import sys

import pytest

from scripts import bench
from scripts.errors import Failure
from scripts.optimize import build_series
from scripts.other_content import WITHOUT_ISAL
from scripts.paths import RELEASES, ROOT


def minor_of(version):
    return ".".join(version.split(".")[:2])


def test_the_last_release_of_each_minor_version_is_chosen():
    chosen = bench.minor_releases()
    listed = [each["version"] for each in json.loads(RELEASES.read_text())["releases"]]
    assert [minor_of(version) for version in chosen] == list(dict.fromkeys(map(minor_of, listed)))[
        :-1
    ]
    for version in chosen:
        following = listed[listed.index(version) + 1]
        assert minor_of(following) != minor_of(version)


def test_the_series_begins_with_the_control(upstream):
    commits = [commit.hash for commit in build_series(upstream)]
    assert bench.series(upstream) == commits


def test_what_nobody_has_measured_is_measured_too(upstream, tmp_path):
    commits = [commit.hash for commit in build_series(upstream)]
    assert bench.unmeasured(upstream, tmp_path) == commits[:-1]
    (tmp_path / "reference").mkdir()
    for commit in commits[1:]:
        (tmp_path / "reference" / f"{commit[:8]}-environment.json").write_text("{}")
    assert bench.unmeasured(upstream, tmp_path) == commits[:1]


def test_a_claim_is_measured_with_the_commit_below_it(upstream):
    series = build_series(upstream)
    commits = [commit.hash for commit in series]
    # What stands for the release, and for the control, is not next to the last of these.
    without_isal = [commit.hash for commit in series if commit.name in WITHOUT_ISAL]
    for together, only in bench.claims(upstream):
        if commits[-1] in together:
            # Its samples are of this run then, and so are those it is compared with.
            head, together = together[:2], together[2:]
            assert head == [bench.base_commit(upstream, "main"), commits[0]]
        first = commits.index(together[0])
        below = together == commits[first : first + len(together)]
        assert len(together) > 1 and below == (together != without_isal)
        assert any(re.search(only, name) for name in cases())


def test_an_unknown_revision_is_named(upstream, monkeypatch):
    monkeypatch.setattr(bench, "UPSTREAM", upstream)
    with pytest.raises(Failure, match=r"unknown revision 9\.9\.9"):
        bench.commits_of(["main", "9.9.9"])


def cases():
    """asv's names of cases: a benchmark's name, its parameters in brackets behind it."""
    stored = json.loads((ROOT / "results" / "benchmarks.json").read_text())
    for name, benchmark in stored.items():
        if name != "version":
            for values in itertools.product(*benchmark["params"]):
                yield name + (f"({', '.join(values)})" if values else "")


def test_the_short_job_measures_what_a_person_waits_for():
    chosen = {name for name in cases() if re.search(bench.SHORT, name)}
    assert {name.split(".")[0] for name in chosen} == {
        *("artifacts", "cli", "flows", "imports", "multicore")
    }
    counted = {name for name in cases() if re.search(bench.SHORT_COUNTS, name)}
    assert {name.split(".")[0] for name in counted} == {"imports", "instructions"}
    # Rounds are asked of what is timed alone: a count in each would take most of the job.
    assert not counted & chosen and not {name for name in chosen if ".track_" in name}
    assert not {name for name in chosen if "Candidate" in name or "Foreach" in name}
    assert len([name for name in chosen if name.startswith("artifacts.Load")]) == 3
    assert len([name for name in chosen if name.startswith("multicore")]) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--nonsense"], ["--bench"], ["extra"], ["--bench", "("], ["--bench", "*"]),
        *(["--rounds", number] for number in ("0", "-3", "x", "1.5", "")),
        *(["--machine", name] for name in ("", "a/b", "..", "a b")),
    ],
)
def test_bad_arguments_end_with_the_usage(arguments):
    command = [sys.executable, "-m", "scripts.bench", *arguments]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 2
    assert "usage: python -m scripts.bench" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_pattern_that_matches_nothing_ends_at_once():
    command = [sys.executable, "-m", "scripts.bench", "--bench", "^nonesuch"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 3 and finished.stdout == ""
    assert finished.stderr.startswith("error: --bench ^nonesuch matches no benchmark; topics are ")
    assert "artifacts" in finished.stderr and finished.stderr.count("\n") == 1


def test_patterns_are_searched_in_names_and_parameters(monkeypatch):
    found = bench.known_cases()
    assert set(cases()) <= set(found)
    monkeypatch.setattr(bench, "known_cases", lambda: found)
    for pattern in ("multicore", r"time_map\(1, 'default'\)", bench.SHORT, bench.SHORT_COUNTS):
        bench.require_match(pattern)
    with pytest.raises(Failure, match="matches no benchmark"):
        bench.require_match(r"time_map\(1, 'nonesuch'\)")
    # A benchmark that can't be imported is asv's to tell.
    monkeypatch.setattr(bench, "known_cases", list)
    bench.require_match("nonesuch")
