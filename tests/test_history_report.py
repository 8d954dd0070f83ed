"""The story of the import: the biggest steps, what explains them, what is not known."""

import json
import math

import pytest

from scripts import history_report
from scripts.errors import Failure
from scripts.history_report import (
    BIGGEST,
    IMPORT,
    MODULES,
    Point,
    Step,
    missing,
    page,
    point,
    points,
    reasons,
    steps,
    told,
)
from scripts.kept_imports import keep, path_of
from scripts.measurements import Measurement
from scripts.paths import RESULTS, UPSTREAM
from scripts.releases import load

RELEASES = load()


def known(*counts):
    """The newest releases with these counts, in millions; None where nothing was counted."""
    return [
        Point(release, count and count * 1e6, count and count * 1e6, count and 100)
        for release, count in zip(RELEASES[-len(counts) :], counts)
    ]


def test_the_biggest_steps_come_first_in_either_direction():
    found = steps(known(100, 100.2, 150, None, 75, 76))
    assert [round(step.ratio, 3) for step in found] == [0.5, 1.497, 1.013]


def test_a_step_over_a_release_without_a_count_may_be_of_that():
    values = known(100, None, 150)
    (step,) = steps(values)
    skipped = values[1].release.version
    assert step.between == (skipped,)
    assert f"It may be of {skipped}: no count is known.\n" in told(step, [])
    assert "It may be" not in told(steps(known(100, 150))[0], [])


def test_a_step_without_a_module_that_explains_it_says_no_more_than_that():
    slower, faster = steps(known(100, 150)), steps(known(150, 100))
    assert "- no module came; " in told(slower[0], [])
    assert "- no module left; " in told(faster[0], [])


def test_what_failed_and_what_was_not_measured_is_said():
    values = known(100, 120, None, None)
    values[2] = Point(values[2].release, None, None, None, failed=True)
    written = page(values, [told(step, []) for step in steps(values)], "reference")
    assert f"1 failed: {values[2].release.version}.\n" in written
    assert f"1 not measured yet: {values[3].release.version}.\n" in written
    assert "slower, 1.200×" in written and "1.20×.\n" in written
    assert "nan" not in written.lower()


def test_what_was_skipped_is_no_count_and_no_failure():
    skipped = {IMPORT: Measurement(math.nan), MODULES: Measurement(9.0)}
    assert point(RELEASES[0], skipped) == Point(RELEASES[0], None, None, 9.0)
    failed = {IMPORT: Measurement(math.nan, failed=True)}
    assert point(RELEASES[0], failed).failed


def step_of(*versions):
    """A step between these two releases."""
    return Step(
        *(
            Point(next(each for each in RELEASES if each.version == version), count, count, 1)
            for version, count in zip(versions, (1.0, 2.0))
        )
    )


def test_a_step_is_explained_by_what_came_and_timed_once(tmp_path):
    # 2.16.8 came with a YAML of its own.
    step = step_of("2.16.7", "2.16.8")
    path = path_of(*step.versions, tmp_path)
    assert missing(UPSTREAM, [step], tmp_path) == [step]
    keep(path, UPSTREAM, step.versions)
    assert missing(UPSTREAM, [step], tmp_path) == []
    told_why = " ".join(reasons(step, tmp_path))
    assert "came: `" in told_why and "yaml" in told_why and "of the import" in told_why
    # What is told is what was kept.
    read = json.loads(path.read_text())
    read["came"][0]["name"] = "as_kept"
    path.write_text(json.dumps(read))
    assert "came: `as_kept`" in reasons(step, tmp_path)[0]
    # What is kept of other commits tells nothing of these.
    path.rename(path_of("2.16.6", "2.16.7", tmp_path))
    assert missing(UPSTREAM, [step_of("2.16.6", "2.16.7")], tmp_path)


def test_a_damaged_step_is_said_in_a_line(tmp_path):
    step = step_of("2.16.7", "2.16.8")
    path_of(*step.versions, tmp_path).write_text("{")
    with pytest.raises(Failure, match=r"2\.16\.7\.\.2\.16\.8\.json: no JSON .*git restore"):
        missing(UPSTREAM, [step], tmp_path)


def test_every_step_that_the_document_tells_is_kept():
    known_now = points(RESULTS, "reference", UPSTREAM)
    assert missing(UPSTREAM, steps(known_now)[:BIGGEST]) == []


def test_the_document_is_what_its_command_says(capsys):
    assert history_report.main(["--machine", "reference"]) == 0
    assert capsys.readouterr().out == history_report.DOCUMENT.read_text(encoding="utf-8")


def test_nothing_measured_is_said_in_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(history_report, "RESULTS", tmp_path)
    (tmp_path / "machine").mkdir()
    assert history_report.run(lambda: history_report.main(["--machine", "machine"])) == 2
    assert capsys.readouterr().err == (
        "error: machine has counted no two releases; run make history\n"
    )


@pytest.mark.parametrize("arguments", [["--steps", "0"], ["--machine", "../x"], ["more"]])
def test_bad_arguments_end_with_the_usage(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        history_report.main(arguments)
    assert ended.value.code == 2
    assert "Traceback" not in capsys.readouterr().err
