"""The published site: whole or not at all, without other hosts, with data that programs read."""

import json
import re
import shutil
import subprocess
import sys

import jsonschema
import pytest

from dashboard import before_after, commits_data, npm_packages, site_data
from scripts.errors import Failure
from scripts.git_command import commit_of
from scripts.paths import RESULTS, ROOT, UPSTREAM
from scripts.readme_table import MACHINES
from scripts.verdict import Verdict

SCHEMA = json.loads((ROOT / "dashboard" / "site.schema.json").read_text())
OTHER_HOST = re.compile(r"""(?:src|href)=["']?(?:https?:)?//|url\(["']?(?:https?:)?//""")


def test_the_data_is_what_its_schema_says_and_small(published):
    text = (published / "data" / "site.json").read_text()
    data = json.loads(text, parse_constant=pytest.fail)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(data, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert len(text) < 3e6
    assert json.loads((published / "data" / "site.schema.json").read_text()) == SCHEMA
    comparison = json.loads((published / "data" / "comparison.json").read_text())
    assert comparison["schema"] == 1 and comparison["rows"]


def test_commits_are_called_what_people_call_them(data):
    by_hash = {each["hash"]: each for each in data["commits"]}
    main, tip = (commit_of(UPSTREAM, name) for name in ("main", "optimized"))
    assert (by_hash[main]["label"], by_hash[main]["role"]) == ("2.19.39", "release")
    assert (by_hash[tip]["label"], by_hash[tip]["role"]) == ("optimized", "optimization")
    control = by_hash[data["series"]["commits"][0]]
    assert (control["role"], control["control_of"]) == ("control", main)
    assert [each for each in by_hash.values() if each["control_of"]] == [control]
    dates = [each["date"] for each in data["commits"]]
    assert dates == sorted(dates)


def test_a_commit_that_is_not_there_is_left_out():
    main = commit_of(UPSTREAM, "main")
    found = commits_data.commits_data(UPSTREAM, [main, "0" * 40], [])
    assert [each["hash"] for each in found] == [main]
    assert commits_data.commits_data(UPSTREAM, [], []) == []


def test_nothing_in_the_site_loads_from_another_host(published):
    for path in [*published.glob("*.html"), *published.rglob("*.css")]:
        text = path.read_text(encoding="utf-8")
        head = re.sub(r"<a\b[^>]*>", "", text)
        assert not OTHER_HOST.search(head), path.name
    page = (published / "asv.html").read_text()
    for address in re.findall(r'(?:src|href)="([^"#:]+)"', page):
        assert (published / address).exists(), address
    assert (published / "vendor/bootstrap/fonts/glyphicons-halflings-regular.woff").exists()


def test_scripts_are_small(published):
    page = (published / "index.html").read_text(encoding="utf-8")
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 2 + len(before_after.SCRIPTS)
    assert sum(map(len, scripts)) < 700_000


def test_each_optimisation_has_a_patch_that_the_table_leads_to(published):
    patches = before_after.patches_in(published)
    assert len(patches) == len(list((published / "patches").glob("*.patch"))) > 10
    page = (published / "index.html").read_text(encoding="utf-8")
    for name in ("defer_requests", "artifact_compression", "event_waiting"):
        assert f'<a href="{patches[name]}"><code>{name}</code></a>' in page
        assert "Subject: [PATCH" in (published / patches[name]).read_text()


def test_an_unknown_script_of_asv_is_refused(tmp_path):
    (tmp_path / "index.html").write_text('<script src="https://cdn.example/new.min.js"></script>')
    with pytest.raises(Failure, match=r"asv's page loads new\.min\.js, which is not known here"):
        npm_packages.make_asv_self_contained(tmp_path)


def test_the_lock_file_names_no_registry():
    lock = (ROOT / "dashboard" / "package-lock.json").read_text()
    assert "://" not in re.sub(r'"(?:url|funding)": (?:"[^"]*"|\{[^}]*\})', "", lock)
    named = json.loads((ROOT / "dashboard" / "package.json").read_text())
    versions = {**named["dependencies"], **named["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions.values())


def test_numbers_have_three_digits():
    texts = {
        0: "0",
        0.01234: "0.0123",
        1.2345: "1.23",
        23.45: "23.4",
        123.4: "123",
        1234: "1230",
        9.999: "10.0",
    }
    assert {number: before_after.digits(number) for number in texts} == texts


def test_the_headline_tells_what_a_manager_asks(data, first_comparison):
    said = before_after.in_words(first_comparison, data["highlights"])
    assert re.match(r"import metaflow [\d.]+× faster, .*saving an 8 MB array [\d.]+× faster", said)
    assert re.search(r", \d+ regressions?, noise floor ±[\d.]+%$", said)
    assert before_after.in_words(None, []).startswith("Nothing was measured yet")


@pytest.fixture
def other_results(tmp_path):
    """A copy of the results, and of the site that is there, with a configuration for both."""
    results = tmp_path / "results"
    for machine in MACHINES:
        shutil.copytree(RESULTS / machine, results / machine)
    shutil.copy(RESULTS / "benchmarks.json", results)
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("the site before")
    configured = (ROOT / "asv.conf.json").read_text()
    configured = configured.replace('"results_dir": "results"', f'"results_dir": "{results}"')
    configured = configured.replace('"html_dir": "html"', f'"html_dir": "{site}"')
    path = ROOT / f".asv-{tmp_path.name}.conf.json"
    path.write_text(configured)
    yield results, site, path
    path.unlink()


def publish(configuration):
    command = [sys.executable, "-m", "asv", "--config", str(configuration), "publish"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_damaged_results_end_in_a_line_and_leave_the_site(other_results):
    results, site, configuration = other_results
    path = next((results / "reference").glob("2ce24a12-*.json"))
    path.write_text(path.read_text()[:2000])
    finished = publish(configuration)
    said = finished.stdout + finished.stderr
    assert finished.returncode == 1
    assert f"reference/{path.name} is damaged" in said and "Traceback" not in said
    assert (site / "index.html").read_text() == "the site before"
    assert [each.name for each in site.parent.iterdir()].count("site") == 1
    assert not list(site.parent.glob(".site-*"))


def test_a_site_is_replaced_whole(other_results):
    _, site, configuration = other_results
    (site / "old.html").write_text("an old page")
    finished = publish(configuration)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert not (site / "old.html").exists()
    assert "<title>metaflow: before / after</title>" in (site / "index.html").read_text()
    assert not list(site.parent.glob(".site-*"))


def test_a_failed_case_is_null_and_one_that_was_skipped_is_left_out():
    from scripts.measurements import Case, Measurement, Side

    cases = {
        Case("a.failed"): Measurement(float("nan"), failed=True),
        Case("a.skipped"): Measurement(float("nan")),
        Case("a.timed"): Measurement(0.002, (0.001, 0.00312345678)),
        Case("a.counted"): Measurement(5.0),
    }
    side = Side("x", "0" * 40, "env", {"python": "3.11"}, cases)
    places = site_data.numbered_cases([side])
    (found,) = site_data.results_data([side], places)["0" * 40].values()
    measured = {each[0]: each[1:] for _, _, cases_of in found["benchmarks"] for each in cases_of}
    by_name = {case.benchmark: measured.get(place) for case, place in places.items()}
    assert by_name == {
        "a.failed": [None],
        "a.skipped": [],
        "a.timed": [0, [1000, 3123.46]],
        "a.counted": [5],
    }


def test_without_results_there_is_still_a_document(tmp_path):
    data = site_data.document(tmp_path, UPSTREAM)
    jsonschema.validate(data, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert data["machines"] == [] and data["default"]["machine"] is None


def test_the_default_table_stands_without_a_script(published, first_comparison):
    page = (published / "index.html").read_text(encoding="utf-8")
    rows = [row for row in first_comparison.rows if row.verdict is not Verdict.NOT_MEASURED]
    assert page.count('<tr role="row" data-verdict="') == len(rows)
