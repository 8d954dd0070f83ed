"""The overview's charts say what people decided about a release's changes."""

import shutil
from dataclasses import replace

from dashboard import site_data
from dashboard.result_files import read_measured
from dashboard.trends import TILES, trends
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.changes import ACKNOWLEDGED, OPEN, read_changes
from mfbench.verdict.revisions import compare_revisions
from tests.committed import MACHINE, NAMES


def test_a_step_has_its_decision():
    measured = read_measured(RESULTS, UPSTREAM)
    commits = site_data.document(measured, UPSTREAM)["commits"]
    known = read_benchmarks(RESULTS)
    (change,) = (
        each
        for each in read_changes().found
        if (each.head, each.case) == ("2.16.8", TILES[0].cases[1])
    )
    assert change.state == OPEN
    explained = replace(change, state=ACKNOWLEDGED, reason="job sets need yaml")
    for changes, said in (
        ([], ""),
        ([change], "open"),
        ([explained], "acknowledged: job sets need yaml"),
        ([replace(explained, machine="another")], ""),
    ):
        tiles = trends(measured.sides, commits, known, UPSTREAM, None, changes)
        steps = [step for chart in tiles[0]["charts"] for step in chart["steps"]]
        assert [each["decision"] for each in steps if each["head"] == "2.16.8"] == [said]


def test_of_machines_with_as_many_commits_that_of_the_comparison_is_drawn(copied):
    for path in shutil.copytree(copied / MACHINE, copied / "another").iterdir():
        path.write_text(path.read_text().replace(f'"{MACHINE}"', '"another"'))
    measured = read_measured(copied, UPSTREAM)
    commits, known = site_data.document(measured, UPSTREAM)["commits"], read_benchmarks(copied)
    for machine in (MACHINE, "another"):
        compared = compare_revisions(copied, UPSTREAM, NAMES, machine)
        tiles = trends(measured.sides, commits, known, UPSTREAM, compared)
        assert {each["machine"] for tile in tiles for each in tile["charts"]} == {machine}
