"""The page in a real browser, opened from a file: what a person chooses, sees and takes away."""

import csv
import json
import re
import shutil
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from math import prod
from threading import Thread

import pytest

from dashboard import site_data
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.report.comparison_text import measured_text
from mfbench.report.glance import (
    costs_text,
    headline,
    trust_text,
    verdict_sentence,
    where_text,
)
from mfbench.repository.series import read_series
from mfbench.results.reader import RUNS_SINCE
from mfbench.verdict.verdict import MOVED, Verdict
from tests.committed import MACHINE, file_of
from tests.conftest import NEWEST

pytestmark = pytest.mark.slow
ROWS = "#cases tr[data-verdict]"
SAVE = "artifacts.Save.time_save(float64-8MB)"
IMPORT = "instructions.Command.track_run(import metaflow)"
DRAWN = "document.documentElement.dataset.drawn === (location.hash.slice(1) || 'overview')"


def settled(page):
    """Wait until what the address asks for is drawn."""
    page.wait_for_function(DRAWN)
    return page


def choose(page, side, label):
    page.fill(f"#{side}", label)
    page.press(f"#{side}", "Enter")
    page.wait_for_function(f"location.hash.includes('{side}={label}')")
    return settled(page)


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


def test_a_commit_is_offered_by_what_is_typed(first_page, look):
    page = look(first_page, "#view=compare")
    page.fill("#base", "2.18.1")
    offered = page.locator("#commits option").evaluate_all("all => all.map((one) => one.value)")
    assert "2.18.13" in offered and all("2.18.1" in each for each in offered)


def test_the_words_at_a_glance_are_the_engines(first_page, look, first_comparison, data):
    page = look(first_page, "#view=compare")
    for place, expected in (
        ("sentence", verdict_sentence(first_comparison)),
        ("where", where_text(first_comparison)),
        ("costs", costs_text(first_comparison)),
        ("trust", trust_text(first_comparison)),
        ("coverage", re.sub(r" \(--every-run .*?\)", "", measured_text(first_comparison))),
    ):
        assert page.inner_text(f"#{place}") == expected
    said = headline(first_comparison, data["highlights"])
    assert page.title() == f"metaflow {NEWEST} → optimized: {said}"
    assert page.locator(".card").count() == 4
    first = page.locator(".card").first
    assert "import metaflow" in first.inner_text() and "faster" in first.inner_text()


def test_what_moved_comes_first_and_the_rest_is_folded(first_page, look, first_comparison):
    page = look(first_page, "#view=compare")
    page.click("text=/^Show \\d+ more$/")
    moved = [row for row in first_comparison.rows if row.verdict in MOVED or row.failed]
    assert page.locator(ROWS).count() == len(moved)
    shown = page.locator(ROWS).evaluate_all("all => all.map((row) => row.dataset.case)")
    sizes = [max(row.ratio, 1 / row.ratio) for row in map(first_comparison.row, shown) if row.ratio]
    assert sizes == sorted(sizes, reverse=True)
    floors = page.locator("details", has_text="floors and candidates")
    assert floors.locator("tr").count() == 0
    floors.locator("summary").click()
    floors.locator("tbody tr").first.wait_for()
    count = first_comparison.count(Verdict.SAME_CODE)
    assert floors.locator("tbody tr").count() == count > 0


def test_what_is_searched_is_found_by_either_name_and_saved(first_page, look):
    settings = {"permissions": ["clipboard-read", "clipboard-write"]}
    page = look(first_page, "#view=compare", **settings)
    for search in ("save float64 8 MB", SAVE, "float64 faster"):
        page.fill("#search", search)
        page.wait_for_function("document.querySelector('#cases h2').textContent.includes('match')")
        page.wait_for_function(f"location.hash.includes('search={search[:4]}')")
        assert page.locator(f'{ROWS}[data-case="{SAVE}"]').count() == 1
    with page.expect_download() as file:
        page.click("#csv")
    about, *lines = file.value.path().read_text(encoding="utf-8").splitlines()
    assert file.value.suggested_filename == f"{NEWEST}..optimized.csv"
    for each in (f"base: {NEWEST} (", "head: optimized (", "control: control (", MACHINE):
        assert each in about
    assert re.search(r"measured: 20\d\d-\d\d-\d\d$", about)
    (row,) = [r for r in csv.DictReader(lines) if f"{r['benchmark']}({r['parameters']})" == SAVE]
    assert float(row["low"]) < float(row["ratio"]) < float(row["high"])
    page.click("#markdown")
    page.wait_for_function("document.getElementById('done').textContent === 'copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"### {NEWEST} → optimized\n") and "<details>" in copied


def test_a_row_opens_to_all_that_is_known_of_it(first_page, look, first_comparison):
    page = look(first_page, f"#base={NEWEST}&head=optimized&search=save+float64+8+MB")
    row = page.locator(f'{ROWS}[data-case="{SAVE}"]')
    row.locator("button").click()
    detail = page.locator("tr.detail")
    detail.locator("figure svg").nth(1).wait_for()
    case = first_comparison.row(SAVE).case
    sides = (first_comparison.base, first_comparison.control, first_comparison.head)
    samples = sum(len(side.cases[case].samples) for side in sides)
    assert detail.locator("figure").first.locator("circle").count() == samples
    said = detail.inner_text()
    assert "Persist a step's artifacts" in said
    assert f"mfbench run {NEWEST} optimized --bench '^artifacts\\.Save\\.time_save" in said
    row.locator("button").click()
    assert page.locator("tr.detail").count() == 0


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
    page = look(page_of(site_data.document(copied, UPSTREAM)), "#view=why")
    measured, *left = [each.name for each in read_series(UPSTREAM)][-4:]
    for each in left:
        assert each in page.inner_text("#why")
    page.click("nav >> text=Compare")
    page.wait_for_function("location.hash.includes('compare')")
    assert settled(page).inner_text("#names") == f"{NEWEST} → {measured}"
    choose(page, "head", "optimized")
    assert page.inner_text("#sentence") == f"Not measured on {MACHINE}: {left[-1]}."


def test_rows_of_other_runs_are_shown_when_asked_for(look, page_of, data):
    changed = json.loads(json.dumps(data))
    (place,) = (n for n, each in enumerate(data["benchmarks"]) if each["name"] in SAVE)
    sides = changed["results"][MACHINE]
    for side in (sides[data["default"]["base"]], sides[data["default"]["head"]]):
        for environment in side.values():
            for benchmark in environment["benchmarks"]:
                if data["cases"][benchmark[2][0][0]][0] == place:
                    benchmark[1] = RUNS_SINCE + 1
    page = look(page_of(changed), f"#machine={MACHINE}&search=artifacts")
    few = page.locator(ROWS).count()
    left_out = int(re.search(r"(\d+) rows of other runs left", page.inner_text("#coverage"))[1])
    page.click("#every-run")
    page.wait_for_function("location.hash.includes('runs=every')")
    assert "left out" not in settled(page).inner_text("#coverage")
    assert page.locator(ROWS).count() == few + left_out
    assert "other run" in page.locator(f'{ROWS}[data-case="{SAVE}"]').inner_text()


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


def test_dropped_results_are_compared(first_page, look, first_comparison):
    page = look(first_page, "#view=compare")
    files = []
    for name in ("main", "optimized"):
        path = file_of(RESULTS, name)
        # Another machine's, of commits that the page does not know.
        text = path.read_text().replace(f'"{MACHINE}"', '"laptop"')
        commit = json.loads(text)["commit_hash"]
        files.append([f"{name}-dropped.json", text.replace(commit, commit[::-1])])
    drop = """(files) => {
      const transfer = new DataTransfer();
      for (const [name, text] of files) transfer.items.add(new File([text], name));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
    }"""
    page.evaluate(drop, files)
    page.wait_for_function("location.hash.includes('laptop')")
    assert settled(page).inner_text("#names") == "main-dropped → optimized-dropped"
    assert "no control was measured" in page.inner_text("#trust")
    row = page.locator(f'{ROWS}[data-case="{SAVE}"]')
    assert f"{first_comparison.row(SAVE).ratio:.3g}× faster" in row.inner_text()
    page.set_input_files("#files", {"name": "notes.json", "mimeType": "", "buffer": b"{}"})
    page.wait_for_function("document.getElementById('sentence').textContent.includes('notes.json')")
    assert "notes.json is no result file of asv" in page.inner_text("#sentence")


def test_without_scripts_the_first_comparison_stands(first_page, look, first_comparison, data):
    page = look(first_page, drawn=False, java_script_enabled=False)
    shown = [row for row in first_comparison.rows if row.verdict is not Verdict.NOT_MEASURED]
    assert page.locator("#compare tr[data-verdict]").count() == len(shown)
    assert headline(first_comparison, data["highlights"]) in page.inner_text("#overview .lead")
    assert page.inner_text("#sentence") == verdict_sentence(first_comparison)
    assert page.inner_text("#trust") == trust_text(first_comparison)
    assert not page.is_visible("#choice")


def test_without_results_the_page_says_so(look, page_of, data, tmp_path):
    another = {**data["machines"][0], "name": "another", "base": "", "head": ""}
    more = {**data, "machines": [*data["machines"], another]}
    page = look(page_of(more), "#machine=another")
    said = "Nothing was measured on another: choose another machine."
    assert page.inner_text("#sentence") == said
    page.select_option("#machine", data["default"]["machine"])
    page.wait_for_selector(ROWS)
    nothing = page_of(site_data.document(tmp_path, UPSTREAM, tmp_path))
    assert "Nothing was measured yet" in look(nothing, "").inner_text("#sentence")
    assert "Fewer than two commits" in look(nothing, "#view=why").inner_text("#series-text")


def test_text_in_the_data_is_never_taken_for_html(look, page_of, data):
    evil = "</script><img src=x onerror=alert(1)>"
    changed = json.loads(json.dumps(data).replace("2.18.13", evil))
    page = look(page_of(changed), "#view=compare")
    page.fill("#base", "onerror")
    offered = page.locator("#commits option").evaluate_all("all => all.map((one) => one.value)")
    assert offered == [evil]
    page.press("#base", "Enter")
    assert page.locator("img").count() == 0


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
