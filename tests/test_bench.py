"""The main job's choices; tests/test_asv.py and .ci/run run it."""

import json
import re
import subprocess
import sys

import pytest

from scripts import bench
from scripts.errors import Failure
from scripts.optimize import build_series
from scripts.paths import ROOT


def test_the_last_release_of_each_minor_version_is_chosen():
    chosen = bench.minor_releases()
    minors = [version.split(".")[:2] for version in chosen]
    assert minors == [["2", str(minor)] for minor in range(10, 19)]
    listed = [
        each["version"]
        for each in json.loads((ROOT / "scripts/releases.json").read_text())["releases"]
    ]
    for version in chosen:
        following = listed[listed.index(version) + 1]
        assert following.split(".")[:2] != version.split(".")[:2]


def test_the_series_begins_with_the_control(upstream):
    commits = [commit.hash for commit in build_series(upstream)]
    assert bench.series(upstream) == commits


def test_an_unknown_revision_is_named(upstream, monkeypatch):
    monkeypatch.setattr(bench, "UPSTREAM", upstream)
    with pytest.raises(Failure, match=r"unknown revision 9\.9\.9"):
        bench.commits_of(["main", "9.9.9"])


def test_the_short_job_leaves_out_what_does_not_change_with_a_commit():
    left_out = [
        *("flows.WideForeach.time_run", "hashing.Candidate.time_hash"),
        *("compression.PackWith.time_pack", "compression.UnpackWith.time_unpack"),
        "compression.SizeWith.track_size",
    ]
    assert [name for name in left_out if re.search(bench.LEFT_OUT, name)] == []
    kept = ["flows.Foreach.time_run", "compression.Pack.time_pack", "hashing.ContentKey.time_find"]
    assert [name for name in kept if not re.search(bench.LEFT_OUT, name)] == []


@pytest.mark.parametrize("arguments", [["--nonsense"], ["--bench"], ["extra"]])
def test_bad_arguments_end_with_the_usage(arguments):
    command = [sys.executable, "-m", "scripts.bench", *arguments]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 2
    assert "usage: python -m scripts.bench" in finished.stderr
    assert "Traceback" not in finished.stderr
