"""`mfbench compare`: what it prints, writes and answers by its exit code."""

import json
import re
from dataclasses import replace

import jsonschema
import pytest

from mfbench.foundation.paths import RESULTS, ROOT, UPSTREAM
from mfbench.report.comparison_json import as_json
from mfbench.report.comparison_text import as_markdown, as_text, summary_line, verdict_text
from mfbench.results.reader import Case
from mfbench.verdict.revisions import compare_revisions
from mfbench.verdict.rows import Row
from mfbench.verdict.verdict import Verdict
from tests.command_line import mfbench
from tests.committed import MACHINE, NAMES, edit, file_of

SCHEMA = json.loads((ROOT / "dashboard" / "comparison.schema.json").read_text())


@pytest.fixture(scope="module")
def committed():
    return compare_revisions(RESULTS, UPSTREAM, NAMES, MACHINE)


def run(*arguments):
    return mfbench("compare", *arguments)


def failure_of(*arguments):
    """The one line in which an error ends."""
    finished = run(*arguments)
    assert finished.returncode == 3
    assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1
    return finished.stderr


def test_json_is_what_its_schema_says_and_holds_no_infinity(committed):
    document = json.loads(as_json(committed), parse_constant=pytest.fail)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert len(document["rows"]) == len(committed.rows)
    assert len(document["startup"]) == len(committed.startup) > 0
    assert sum(document["summary"]["verdicts"].values()) == document["summary"]["cases"]


def test_every_form_tells_the_same_verdicts(committed):
    text, markdown = as_text(committed, True, 200), as_markdown(committed, True)
    assert summary_line(committed) in markdown
    assert "identical code moved by up to" in summary_line(committed)
    # What was measured comes before any verdict.
    measured, found = re.split(r"; (?=\d+ faster)", summary_line(committed))
    assert text.startswith(f"{measured}\n") and text.endswith(f"\n{found}\n")
    for row in committed.rows[::20]:
        (line,) = [line for line in markdown.splitlines() if line.startswith(f"| {row.case} |")]
        assert verdict_text(row) in line


def test_what_fails_comes_first_then_what_is_slower_then_what_is_faster(committed):
    rows = (
        Row(Case("a.faster"), "bytes", Verdict.FASTER, "", 2.0, 1.0),
        Row(Case("a.same"), "bytes", Verdict.SAME, "", 1.0, 1.0),
        Row(Case("a.slower"), "bytes", Verdict.SLOWER, "", 1.0, 2.0),
        Row(Case("a.fails"), "bytes", Verdict.NOT_MEASURED, "failed in optimized", failed=True),
    )
    made = as_markdown(replace(committed, rows=rows, startup=()), False)
    assert re.findall(r"^\| a\.(\w+)", made, re.MULTILINE) == ["fails", "slower", "faster"]


def test_the_summary_tells_what_was_not_measured_and_what_would_have_been_missed(committed):
    def timed(topic, share, **more):
        case = Case(f"{topic}.time_it", (str(share),))
        return Row(case, "seconds", Verdict.CANT_TELL, detectable=share, **more)

    rows = (
        *(timed("flows", share) for share in (0.2, 0.22, 0.9)),
        *(timed(f"topic{k}", k / 100) for k in range(1, 6)),
        timed("imports", 0.15, other_run=True),
        *(Row(Case("client.time", (str(k),)), "seconds", Verdict.NOT_MEASURED) for k in range(2)),
        Row(Case("artifacts.time"), "seconds", Verdict.NOT_COMPARABLE, "measured in"),
    )
    made = replace(committed, rows=rows, startup=(), left_out=1)
    assert summary_line(made) == (
        "measured 9 of 12 cases; not measured: client 2; not comparable: artifacts 1; 1 row of "
        "other runs left out (--every-run shows it); 9 can't tell; no control; would have missed "
        "slow-downs below: flows 22%, imports 15%, topic5 5%, topic4 4%, topic3 3%, topic2 2%"
    )
    summary = json.loads(as_json(made))["summary"]
    assert (summary["not_measured"], summary["left_out"]) == ({"client": 2}, 1)
    assert summary["would_have_missed"]["flows"] == 0.22 and len(summary["would_have_missed"]) == 7
    assert [verdict_text(row) for row in rows if row.other_run] == ["can't tell (other run)"]
    assert "nothing slower among what was measured" in as_text(made, False, 200)


def test_nothing_measured_is_a_code_of_its_own(copied):
    edit(copied, "optimized", lambda content: content.update(results={}))
    finished = run(*NAMES, "--results", copied, "--machine", MACHINE)
    assert finished.returncode == 2
    assert "measured 0 of" in finished.stdout
    file_of(copied, "optimized").unlink()
    finished = run(*NAMES, "--results", copied)
    assert finished.returncode == 2
    assert finished.stderr.startswith("error: no machine measured both; measure with: ")


def test_a_damaged_file_is_named(copied):
    edit(copied, "optimized", lambda content: content.update(results={"a": 5}))
    said = failure_of(*NAMES, "--results", copied, "--machine", MACHINE)
    assert said.startswith(f"error: {MACHINE}/{file_of(copied, 'optimized').name} is damaged")


@pytest.mark.parametrize("text", [None, "[]", "{"])
def test_units_are_not_guessed(copied, text):
    path = copied / "benchmarks.json"
    path.unlink() if text is None else path.write_text(text)
    said = failure_of(*NAMES, "--results", copied, "--machine", MACHINE)
    assert said.startswith("error: benchmarks.json is ")


def test_a_regression_fails_only_where_it_is_to(copied):
    back = ("optimized", "main", "--results", copied, "--machine", MACHINE)
    assert run(*back).returncode == 0
    assert run(*back, "--fail-on", "regression").returncode == 1
    forth = (*NAMES, "--results", copied, "--machine", MACHINE, "--only", "imports")
    assert run(*forth, "--fail-on", "regression").returncode == 0


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["main"], "HEAD"),
        (["main", "HEAD", "--format", "xml"], "--format"),
        (["main", "nonsense"], "nonsense"),
        (["main", "HEAD", "--machine", "../x"], "'../x' is no name"),
        (["main", "HEAD", "--machine", "nobody"], "measured machines: .*reference"),
    ],
)
def test_bad_arguments_are_errors_and_no_verdicts(arguments, said):
    assert re.search(said, failure_of(*arguments))


def test_a_report_is_written_to_a_file_without_colours(tmp_path, committed):
    report = tmp_path / "below" / "report.md"
    finished = run(*NAMES, "--machine", MACHINE, "--format", "markdown", "--output", report)
    assert (finished.returncode, finished.stdout) == (0, "")
    assert report.read_text().startswith("### main (2ce24a12) → optimized")
    assert "\x1b[" in as_text(committed, True, 100, colours=True)
    assert "\x1b[" not in run(*NAMES, "--machine", MACHINE).stdout
