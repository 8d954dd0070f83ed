"""Comparing commits: on the committed results, and on results that are damaged on purpose."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jsonschema
import pyperf
import pytest

from scripts import compare, history
from scripts.comparison import geometric_mean, noise_floor
from scripts.comparison_report import OF_SIZES, as_json, as_markdown, as_text, headline
from scripts.control import control_of
from scripts.errors import Failure
from scripts.git_command import commit_of, git
from scripts.measurements import Case, likeliest
from scripts.paths import RESULTS, ROOT, UPSTREAM
from scripts.pyperf_results import path_of, store
from scripts.readme_table import machine_of_tables
from scripts.verdict import Verdict

history.ensure(UPSTREAM)
MACHINE = machine_of_tables(RESULTS, UPSTREAM)
NAMES = ("main", "optimized")
SCHEMA = json.loads((ROOT / "dashboard" / "comparison.schema.json").read_text())


@pytest.fixture(scope="module")
def committed():
    return compare.load(RESULTS, UPSTREAM, NAMES, MACHINE)


@pytest.fixture
def copied(tmp_path):
    """A copy of the results of main, the control and the branch, to be damaged."""
    folder = tmp_path / "results" / MACHINE
    folder.mkdir(parents=True)
    main = commit_of(UPSTREAM, "main")
    for commit in (main, control_of(UPSTREAM, main), commit_of(UPSTREAM, "optimized")):
        (found,) = (RESULTS / MACHINE).glob(f"{commit[:8]}-*.json")
        shutil.copy(found, folder)
    shutil.copy(RESULTS / MACHINE / "machine.json", folder)
    shutil.copy(RESULTS / "benchmarks.json", folder.parent)
    return folder.parent


def file_of(results, name):
    (found,) = (results / MACHINE).glob(f"{commit_of(UPSTREAM, name)[:8]}-*.json")
    return found


def edit(results, name, change):
    path = file_of(results, name)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def run(*arguments):
    command = [sys.executable, "-m", "scripts.compare", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def rows(comparison):
    return {str(row.case): row for row in comparison.rows}


def test_the_series_is_faster_than_its_release(committed):
    found = rows(committed)
    imported = found["imports.Import.timeraw_metaflow"]
    assert imported.verdict is Verdict.FASTER
    assert imported.evidence.high < 0.6
    assert imported.instructions == pytest.approx(
        found["instructions.Command.track_run(import metaflow)"].ratio
    )
    assert found["artifacts.Save.time_save(float64-8MB)"].size == 8_000_000
    assert committed.control.commit == control_of(UPSTREAM, committed.before.commit)


def test_the_control_of_a_release_is_the_first_commit_of_its_series():
    first = git(UPSTREAM, "rev-list", "--reverse", "main..optimized").split()[0]
    assert control_of(UPSTREAM, commit_of(UPSTREAM, "main")) == first


def test_a_release_against_its_control_raises_no_alarm():
    first = git(UPSTREAM, "rev-list", "--reverse", "main..optimized").split()[0]
    # Seen from the control, which has none of its own: nothing but the statistics hold alarms back.
    comparison = compare.load(RESULTS, UPSTREAM, (first, "main"), MACHINE)
    assert comparison.control is None
    moved = [row for row in comparison.rows if row.verdict in (Verdict.SLOWER, Verdict.FASTER)]
    timed = [row for row in comparison.rows if row.is_timed]
    assert len([row for row in moved if row.is_timed]) <= 0.01 * len(timed)
    assert not [row for row in moved if row.unit == "instructions"]


def test_json_is_what_its_schema_says_and_holds_no_infinity(committed):
    document = json.loads(as_json(committed), parse_constant=pytest.fail)
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert len(document["rows"]) == len(committed.rows)
    assert sum(document["summary"]["verdicts"].values()) == document["summary"]["cases"]


def test_every_form_tells_the_same_verdicts(committed):
    text, markdown = as_text(committed, True, 200), as_markdown(committed, True)
    assert headline(committed) in text
    assert headline(committed) in markdown
    for row in committed.rows[::20]:
        (line,) = [line for line in markdown.splitlines() if line.startswith(f"| {row.case} |")]
        words = {row.verdict.value, OF_SIZES.get(row.verdict, "") if not row.is_timed else ""}
        assert any(word and word in line for word in words)


def test_means_are_geometric(committed):
    chosen = [row for row in committed.rows if row.case.topic == "imports" and row.evidence]
    product = 1.0
    for row in chosen:
        product *= row.ratio
    assert geometric_mean(chosen) == pytest.approx(product ** (1 / len(chosen)))
    assert geometric_mean([]) is None
    assert 0 < noise_floor(committed.rows) < 1


def test_topics_are_chosen_and_unknown_ones_named(committed):
    kept = compare.load(RESULTS, UPSTREAM, NAMES, MACHINE, ["imports"])
    assert {row.case.topic for row in kept.rows} == {"imports"}
    with pytest.raises(Failure, match=r"unknown topic import; topics are .*artifacts, .*cli"):
        compare.load(RESULTS, UPSTREAM, NAMES, MACHINE, ["import"])


def test_fewer_topics_are_corrected_for_less_and_keep_their_witness(committed):
    kept = rows(compare.load(RESULTS, UPSTREAM, NAMES, MACHINE, ["imports"]))
    every = rows(committed)
    timed = [name for name, row in kept.items() if row.evidence]
    assert all(kept[name].detectable <= every[name].detectable for name in timed)
    assert any(kept[name].detectable < every[name].detectable for name in timed)
    name = "imports.Import.timeraw_metaflow"
    assert kept[name].instructions == every[name].instructions


def test_another_version_of_a_benchmark_is_not_compared(copied):
    def change(content):
        columns = content["result_columns"]
        content["results"]["imports.Import.timeraw_metaflow"][columns.index("version")] = "9"

    edit(copied, "optimized", change)
    row = rows(compare.load(copied, UPSTREAM, NAMES, MACHINE))["imports.Import.timeraw_metaflow"]
    assert row.verdict is Verdict.NOT_COMPARABLE
    assert row.reason == "version 1 of the benchmark against 9"


@pytest.mark.parametrize(
    "place, name, reason",
    [
        ("requirements", "asv_runner", "asv_runner 0.2.5 against 0.3.0"),
        ("requirements", "numpy", "numpy 2.2.6 against 0.3.0"),
        ("params", "cpu", "cpu .* against 0.3.0"),
        (None, "python", "python 3.11 against 0.3.0"),
    ],
)
def test_other_circumstances_are_refused_by_name(copied, place, name, reason):
    def change(content):
        (content if place is None else content[place])[name] = "0.3.0"

    edit(copied, "optimized", change)
    comparison = compare.load(copied, UPSTREAM, NAMES, MACHINE)
    compared = [row for row in comparison.rows if row.before is not None and row.after is not None]
    assert {row.verdict for row in compared} == {Verdict.NOT_COMPARABLE}
    assert all(re.fullmatch(reason, row.reason) for row in compared)
    assert compare.exit_code(comparison, True) == 2


def test_times_of_different_runs_are_not_compared_and_counts_are(copied):
    def change(content):
        began = content["result_columns"].index("started_at")
        for entry in content["results"].values():
            entry[began] -= 24 * 3600 * 1000

    edit(copied, "main", change)
    found = rows(compare.load(copied, UPSTREAM, NAMES, MACHINE))
    assert found["imports.Import.timeraw_metaflow"].verdict is Verdict.NOT_COMPARABLE
    assert "hours apart" in found["imports.Import.timeraw_metaflow"].reason
    count = found["instructions.Command.track_run(import metaflow)"]
    assert count.verdict is Verdict.FASTER


def test_a_wrong_answer_takes_the_time_away(copied):
    def change(content):
        content["results"]["answers.ParallelMap.track_digest"][0][0] = 1.0

    edit(copied, "optimized", change)
    found = rows(compare.load(copied, UPSTREAM, NAMES, MACHINE))
    row = found["multicore.ParallelMap.time_map(1, default)"]
    assert row.verdict is Verdict.NOT_COMPARABLE
    assert row.reason == "its answer differs (answers.ParallelMap.track_digest(1))"
    assert found["multicore.ParallelMap.time_map(8, default)"].verdict is Verdict.FASTER
    assert not any(name.startswith("answers.") for name in found)


def test_three_processes_are_too_few_for_anything(copied):
    def change(content):
        columns = content["result_columns"]
        samples = content["results"]["imports.Import.timeraw_metaflow"][columns.index("samples")]
        del samples[0][3:]

    edit(copied, "optimized", change)
    row = rows(compare.load(copied, UPSTREAM, NAMES, MACHINE))["imports.Import.timeraw_metaflow"]
    assert (row.verdict, row.reason) == (Verdict.CANT_TELL, "needs 4 rounds at least")
    assert row.evidence is None


def test_what_one_side_lacks_is_not_measured(copied):
    def change(content):
        for name in list(content["results"]):
            if name.startswith(("cli.", "imports.")):
                del content["results"][name]

    edit(copied, "optimized", change)
    found = rows(compare.load(copied, UPSTREAM, NAMES, MACHINE))
    row = found["cli.FlowScript.time_show"]
    assert (row.verdict, row.reason) == (Verdict.NOT_MEASURED, "no result of optimized")
    assert found["flows.Run.time_hello"].verdict is Verdict.FASTER


def test_what_fails_now_is_told_and_fails_the_gate(copied):
    def change(content):
        content["results"]["flows.Run.time_hello"][0] = None

    edit(copied, "optimized", change)
    comparison = compare.load(copied, UPSTREAM, NAMES, MACHINE)
    row = rows(comparison)["flows.Run.time_hello"]
    assert (row.verdict, row.reason) == (Verdict.NOT_MEASURED, "failed in optimized")
    assert "not measured (failed in optimized)" in as_markdown(comparison, False)
    assert compare.exit_code(comparison, True) == 1
    back = compare.load(copied, UPSTREAM, NAMES[::-1], MACHINE)
    assert not rows(back)["flows.Run.time_hello"].failed


def test_an_answer_that_could_not_be_checked_takes_the_time_away(copied):
    def change(content):
        content["results"]["answers.ParallelMap.track_digest"][0][0] = None

    edit(copied, "optimized", change)
    row = rows(compare.load(copied, UPSTREAM, NAMES, MACHINE))[
        "multicore.ParallelMap.time_map(1, default)"
    ]
    assert row.verdict is Verdict.NOT_COMPARABLE
    assert "could not be checked" in row.reason


def test_the_witness_says_where_it_has_seen_something_else(copied):
    def change(content):
        columns = content["result_columns"]
        count = content["results"]["instructions.Command.track_run"]
        names = [each.strip("'") for each in count[columns.index("params")][0]]
        release = json.loads(file_of(copied, "main").read_text())
        before = release["results"]["instructions.Command.track_run"][0]
        count[0][names.index("import metaflow")] = before[names.index("import metaflow")]

    edit(copied, "optimized", change)
    comparison = compare.load(copied, UPSTREAM, NAMES, MACHINE)
    row = rows(comparison)["imports.Import.timeraw_metaflow"]
    assert row.verdict is Verdict.FASTER and row.witness is Verdict.SAME and row.disagree
    assert "instructions: same" in as_markdown(comparison, False)
    assert replace(row, verdict=Verdict.SAME, witness=Verdict.SLOWER).disagree
    assert not replace(row, verdict=Verdict.CANT_TELL, witness=Verdict.SLOWER).disagree


def test_counts_that_can_not_be_compared_are_no_witnesses(copied):
    def change(content):
        columns = content["result_columns"]
        content["results"]["instructions.Command.track_run"][columns.index("version")] = "9"

    edit(copied, "optimized", change)
    row = rows(compare.load(copied, UPSTREAM, NAMES, MACHINE))["imports.Import.timeraw_metaflow"]
    assert (row.instructions, row.witness, row.disagree) == (None, None, False)


def test_start_up_joins_the_report(copied):
    commits = [commit_of(UPSTREAM, name) for name in NAMES]
    seconds = {"python": (0.02, 0.02), "import": (0.2, 0.1)}
    for side, commit in enumerate(commits):
        store(
            path_of(copied / "pyperf", commit),
            [
                pyperf.Run(
                    [values[side] * (1 + number / 1000)],
                    metadata={"name": name, "sitting": "one"},
                    collect_metadata=False,
                )
                for name, values in seconds.items()
                for number in range(10)
            ],
        )
    comparison = compare.load(copied, UPSTREAM, NAMES, MACHINE)
    verdicts = {row.case.parameters[0]: row.verdict for row in comparison.startup}
    assert verdicts == {"python": Verdict.SAME, "import": Verdict.FASTER}
    assert "startup.Command.time_start(import)" in as_markdown(comparison, False)
    assert len(json.loads(as_json(comparison))["startup"]) == 2
    slower = compare.load(copied, UPSTREAM, NAMES[::-1], MACHINE)
    only_startup = replace(slower, rows=committed_sames(slower))
    assert compare.exit_code(only_startup, True) == 1


def committed_sames(comparison):
    return tuple(row for row in comparison.rows if row.verdict is Verdict.SAME)


def test_nothing_measured_is_a_code_of_its_own(copied):
    edit(copied, "optimized", lambda content: content.update(results={}))
    finished = run(*NAMES, "--results", copied, "--machine", MACHINE)
    assert finished.returncode == 2
    assert "measured 0 of" in finished.stdout
    file_of(copied, "optimized").unlink()
    assert run(*NAMES, "--results", copied, "--machine", MACHINE).returncode == 2
    finished = run(*NAMES, "--results", copied)
    assert finished.returncode == 2
    assert finished.stderr == "error: no machine measured both; measure with: make compare\n"


def test_a_damaged_file_is_named(copied):
    path = file_of(copied, "optimized")
    path.write_text(path.read_text()[:1000])
    finished = run(*NAMES, "--results", copied, "--machine", MACHINE)
    assert finished.returncode == 3
    assert finished.stderr.startswith(f"error: {MACHINE}/{path.name} is damaged")
    assert finished.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "damage", [{"requirements": None}, {"results": {"a": 5}}, {"results": []}, {"python": []}]
)
def test_a_file_of_another_shape_is_named_too(copied, damage):
    edit(copied, "optimized", lambda content: content.update(damage))
    finished = run(*NAMES, "--results", copied, "--machine", MACHINE)
    assert "Traceback" not in finished.stderr
    assert finished.returncode in ((3,) if "python" not in damage else (2, 3))


@pytest.mark.parametrize("text", [None, "[]", "{"])
def test_units_are_not_guessed(copied, text):
    path = copied / "benchmarks.json"
    path.unlink() if text is None else path.write_text(text)
    finished = run(*NAMES, "--results", copied, "--machine", MACHINE)
    assert finished.returncode == 3
    assert finished.stderr.startswith("error: benchmarks.json is ")
    assert finished.stderr.count("\n") == 1


def test_a_file_holds_no_colours(committed):
    assert "\x1b[" not in compare.rendered(committed, "text", True, to_file=True)
    assert "\x1b[" in as_text(committed, True, 100, colours=True)


def test_a_regression_fails_only_where_it_is_to(copied):
    back = ("optimized", "main", "--results", copied, "--machine", MACHINE)
    assert run(*back).returncode == 0
    assert run(*back, "--fail-on", "regression").returncode == 1
    forth = (*NAMES, "--results", copied, "--machine", MACHINE, "--only", "imports")
    assert run(*forth, "--fail-on", "regression").returncode == 0


def test_bad_arguments_are_errors_and_no_verdicts():
    for arguments in (["main"], ["main", "HEAD", "--format", "xml"], ["main", "nonsense"]):
        assert run(*arguments).returncode == 3
    finished = run("main", "HEAD", "--machine", "nobody")
    assert finished.returncode == 3
    assert re.search("measured machines: .*reference", finished.stderr)


def test_of_several_machines_the_fullest_is_taken_and_named(copied, tmp_path):
    second = Path(shutil.copytree(copied / MACHINE, copied / "second"))
    for path in second.glob("*.json"):
        path.write_text(path.read_text().replace(f'"machine": "{MACHINE}"', '"machine": "second"'))
    control = control_of(UPSTREAM, commit_of(UPSTREAM, "main"))
    next(second.glob(f"{control[:8]}-*.json")).unlink()
    # As on a machine that has measured nothing.
    command = [sys.executable, "-m", "scripts.compare", *NAMES, "--results", str(copied)]
    environment = os.environ | {"HOME": str(tmp_path)}
    finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == f"as {MACHINE} measured; --machine takes second, too\n"
    assert likeliest(copied, [MACHINE, "second"], "second") == "second"


def test_a_report_is_written_to_a_file(tmp_path):
    report = tmp_path / "below" / "report.md"
    finished = run(*NAMES, "--machine", MACHINE, "--format", "markdown", "--output", report)
    assert (finished.returncode, finished.stdout) == (0, "")
    assert report.read_text().startswith("### main (2ce24a12) → optimized")


def test_a_case_reads_as_asv_writes_it():
    assert str(Case("a.B.time_c", ("x", "1"))) == "a.B.time_c(x, 1)"
    assert Case("a.B.time_c").topic == "a"
