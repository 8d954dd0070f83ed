"""The page in a real browser: its addresses, its other views, and what it does without data."""

import json
import re
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from math import prod
from threading import Thread

import pytest

from dashboard import site_data
from dashboard.result_files import read_measured
from mfbench.foundation.git_command import commit_of
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.report.glance import headline, trust_text, verdict_sentence
from mfbench.repository.series import read_series
from mfbench.verdict.verdict import Verdict
from tests.browsing import ROWS, SAVE, choose, settled
from tests.committed import MACHINE, file_of
from tests.conftest import NEWEST

pytestmark = pytest.mark.slow
IMPORT = "instructions.Command.track_run(import metaflow)"


def test_the_choice_is_in_the_address_and_back_works(first_page, look, data):
    page = look(first_page, "#view=compare")
    assert page.inner_text("#names") == f"{NEWEST} → optimized"
    assert re.match(r"cases that are faster or need less: \d+", page.inner_text("#sentence"))
    choose(page, "base", "2.18.13")
    assert page.inner_text("#names") == "2.18.13 → optimized"
    page.click("#swap")
    page.wait_for_function("document.getElementById('names').textContent.startsWith('optimized')")
    again = look(first_page, "#" + page.url.partition("#")[2])
    assert again.inner_text("#sentence") == page.inner_text("#sentence")
    page.go_back()
    page.wait_for_function("document.getElementById('names').textContent.startsWith('2.18')")
    page.click("button[data-side=base][data-step='1']")
    page.wait_for_function("!document.getElementById('names').textContent.startsWith('2.18.13')")
    labels = [each["label"] for each in data["commits"] if each["role"] == "release"]
    base = page.inner_text("#names").partition(" ")[0]
    assert labels.index(base) > labels.index("2.18.13")


def test_what_is_not_known_is_said_to_be_unknown(first_page, look):
    for words, said in (
        ("base=nobody", "This page knows no measured commit called nobody."),
        ("machine=nowhere", "Nothing was measured on nowhere: choose another machine."),
        ("base=optimized&head=optimized", "Base and head are the same commit"),
    ):
        page = look(first_page, f"#{words}")
        assert said in page.inner_text("#sentence")
        assert page.locator(ROWS).count() == 0
        # No empty boxes, and nothing about numbers that are not there.
        assert not any(each.is_visible() for each in page.locator("#compare .compared").all())
    page = look(first_page, "#view=why&case=nothing.Known")
    assert "nothing.Known was measured at fewer than two commits" in page.inner_text("#series-text")
    page = look(first_page, "#view=why&machine=nowhere")
    assert "were measured on nowhere" in page.inner_text("#series-text")


def test_a_commit_is_offered_by_what_is_typed(first_page, look):
    page = look(first_page, "#view=compare")
    page.fill("#base", "2.18.1")
    offered = page.locator("#commits option").evaluate_all("all => all.map((one) => one.value)")
    assert "2.18.13" in offered and all("2.18.1" in each for each in offered)


def test_the_steps_of_the_series_multiply_to_the_whole(first_page, look, first_comparison):
    page = look(first_page, "#view=why")
    for case in (IMPORT, SAVE):
        page.select_option("#series-case", case)
        whole = first_comparison.row(case).ratio
        page.wait_for_function(
            f"document.getElementById('series-text').textContent.includes('gives {whole:#.3g}')"
        )
        place = "readCases(data).find((each) => each.name === name).index"
        steps = page.evaluate(f"(name) => stepsOf(data, data.default.machine, {place})", case)
        assert steps[0]["name"] == "control" and steps[0]["verdict"] not in ("faster", "slower")
        assert "faster" in [step["verdict"] for step in steps]
        assert prod(step["ratio"] for step in steps) == pytest.approx(whole, rel=1e-4)
        assert page.locator("#series tbody tr").count() == len(steps) + 1
        assert "all together" in page.inner_text("#series tbody tr:last-child")


def test_no_single_commit_is_named_for_what_several_did_together(first_page, look):
    # On this machine its time is known of both ends, and its instructions of each commit.
    page = look(first_page, f"#view=why&machine={MACHINE}&case=imports.Import.timeraw_metaflow")
    shown = page.inner_text("#series")
    assert "27 commits, not measured one by one" in shown and "blake3_keys" not in shown
    said = page.inner_text("#series-text")
    assert re.search(r"these commits changed it: .* lazy_plugins \(1\.\d+× fewer\)", said)
    assert "package_on_demand" not in said


def test_unmeasured_commits_are_listed_by_name(look, page_of, copied):
    shutil.copy(file_of(RESULTS, "optimized~3"), copied / MACHINE)
    file_of(copied, "optimized").unlink()
    page = look(page_of(read_measured(copied, UPSTREAM)), "#view=why")
    measured, *left = [each.name for each in read_series(UPSTREAM)][-4:]
    for each in left:
        assert each in page.inner_text("#why")
    page.click("nav >> text=Compare")
    page.wait_for_function("location.hash.includes('compare')")
    assert settled(page).inner_text("#names") == f"{NEWEST} → {measured}"
    choose(page, "head", "optimized")
    assert page.inner_text("#sentence") == f"Not measured on {MACHINE}: {left[-1]}."


def test_every_chart_of_the_overview_is_of_one_machine_and_leads_to_comparisons(first_page, look):
    page = look(first_page)
    assert page.locator(".tile").count() == 10
    for figure in page.locator(".tile figure").all():
        said = figure.inner_text()
        assert MACHINE in said or "reference" in said
        assert figure.locator("svg").count() == 1
    first = page.locator(".tile").first
    assert "faster" in first.inner_text() and "yaml" in first.inner_text()
    first.locator("text=/at 2.16.8/").click()
    page.wait_for_function("location.hash.includes('head=2.16.8')")
    assert settled(page).inner_text("#names") == "2.16.7 → 2.16.8"
    page.go_back()
    settled(page)
    chart = page.locator(".tile figure svg").nth(1)
    chart.hover(position={"x": 150, "y": 60})
    chart.click(position={"x": 152, "y": 60})
    page.wait_for_function("location.hash.includes('head=2.')")
    assert page.locator(".presets a").all_text_contents() == [
        "newest release vs optimized",
        "newest two releases",
    ]


def test_the_import_shows_what_left_and_came(first_page, look):
    page = look(first_page, "#view=why")
    left = page.locator("#imports g:has(rect.left) title").all_text_contents()
    assert len(left) > 10 and all("not loaded by head" in each for each in left)
    numbers = re.findall(
        r"\d+(?= (?:modules|no longer|newly|loaded by))", page.inner_text("#imports-text")
    )
    loaded, gone, came, stayed = map(int, numbers)
    assert loaded == gone + stayed and came < gone
    button = page.locator("#imports g[role=button]").nth(2)
    label, shown = button.get_attribute("aria-label"), page.locator("#imports g").count()
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("#imports g").count() != shown
    # The focus stays, so that the same key goes back.
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == label


def test_without_scripts_the_first_comparison_stands(first_page, look, first_comparison, data):
    page = look(first_page, drawn=False, java_script_enabled=False)
    shown = [row for row in first_comparison.rows if row.verdict is not Verdict.NOT_MEASURED]
    assert page.locator("#compare tr[data-verdict]").count() == len(shown)
    assert headline(first_comparison, data["highlights"]) in page.inner_text("#overview .lead")
    assert page.inner_text("#sentence") == verdict_sentence(first_comparison)
    assert page.inner_text("#trust") == trust_text(first_comparison)
    assert not page.is_visible("#choice")


def test_without_results_the_page_says_so(look, page_of, measured, data, tmp_path):
    another = {**data["machines"][0], "name": "another", "base": "", "head": ""}
    more = {**data, "machines": [*data["machines"], another]}
    page = look(page_of(measured, more), "#machine=another")
    said = "Nothing was measured on another: choose another machine."
    assert page.inner_text("#sentence") == said
    page.select_option("#machine", data["default"]["machine"])
    page.wait_for_selector(ROWS)
    measured = read_measured(tmp_path, UPSTREAM)
    nothing = page_of(measured, site_data.document(measured, UPSTREAM, tmp_path))
    assert "Nothing was measured yet" in look(nothing, "").inner_text("#sentence")
    assert "Fewer than two commits" in look(nothing, "#view=why").inner_text("#series-text")


def test_text_in_the_data_is_never_taken_for_html(look, page_of, copied):
    evil = "</script><img src=x onerror=alert(1)>"
    for path in copied.glob("*/*-*.json"):
        content = json.loads(path.read_text().replace("dict-233B", evil))
        # asv writes NaN and Infinity for numbers; in a text they are words.
        content["requirements"][evil] = f'{evil} NaN "-Infinity" \\'
        path.write_text(json.dumps(content))
    measured = read_measured(copied, UPSTREAM)
    data = json.dumps(site_data.document(measured, UPSTREAM))
    page = look(page_of(measured, json.loads(data.replace("optimized", evil))), "#view=compare")
    assert evil in page.inner_text("#compare")
    page.fill("#base", "onerror")
    offered = page.locator("#commits option").evaluate_all("all => all.map((one) => one.value)")
    assert offered == [evil]
    page.press("#base", "Enter")
    assert page.locator("img").count() == 0


def test_a_damaged_part_is_named(published, tmp_path, browser):
    site = shutil.copytree(published, tmp_path / "site")
    part = site / "data" / "results" / MACHINE / f"{commit_of(UPSTREAM, 'optimized')}.js"
    part.write_text(part.read_text().replace("{", "", 1))
    page = browser.new_page()
    page.goto(f"{(site / 'index.html').as_uri()}#view=compare")
    page.wait_for_function("document.getElementById('sentence').textContent.includes('damaged')")
    assert f"data/results/{MACHINE}/{part.name} is damaged" in page.inner_text("#sentence")
    page.close()


def test_the_page_and_old_addresses_lead_to_asv(published, look):
    handler = partial(SimpleHTTPRequestHandler, directory=published)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/index.html"
        page = look(address, f"#base={NEWEST}&head=optimized&search=Save+float64-8MB")
        page.locator(f'{ROWS}[data-case="{SAVE}"] button').click()
        page.click("text=asv's graph")
        page.wait_for_url("**/asv.html#artifacts.Save.time_save?*")
        page.wait_for_selector("#main-graph canvas")
        assert "artifacts.Save.time_save" in page.inner_text("#title")
        page = look(address, "#/summarylist", drawn=False)
        page.wait_for_url("**/asv.html#/summarylist")
        page.wait_for_selector("#summarylist-body table")
        assert "answers." not in page.inner_text("#summarylist-body")
        assert "asv's own pages" in page.inner_text("body")
        server.shutdown()
