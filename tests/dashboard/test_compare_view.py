"""The view Compare in a real browser: what it says, shows, saves, and takes in."""

import csv
import json
import re

import pytest

from dashboard.result_files import read_measured
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.report.comparison_text import measured_text
from mfbench.report.glance import costs_text, headline, trust_text, verdict_sentence, where_text
from mfbench.results.reader import RUNS_SINCE
from mfbench.verdict.verdict import MOVED, Verdict
from tests.browsing import ROWS, SAVE, settled
from tests.committed import MACHINE, edit, file_of
from tests.conftest import NEWEST

pytestmark = pytest.mark.slow


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


def test_rows_of_other_runs_are_shown_when_asked_for(look, page_of, copied):
    def begin_later(content):
        place = content["result_columns"].index("started_at")
        content["results"][SAVE.partition("(")[0]][place] = int(1000 * RUNS_SINCE) + 1000

    for name in ("main", "optimized"):
        edit(copied, name, begin_later)
    page = look(page_of(read_measured(copied, UPSTREAM)), f"#machine={MACHINE}&search=artifacts")
    few = page.locator(ROWS).count()
    left_out = int(re.search(r"(\d+) rows of other runs left", page.inner_text("#coverage"))[1])
    page.click("#every-run")
    page.wait_for_function("location.hash.includes('runs=every')")
    assert "left out" not in settled(page).inner_text("#coverage")
    assert page.locator(ROWS).count() == few + left_out
    assert "other run" in page.locator(f'{ROWS}[data-case="{SAVE}"]').inner_text()


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
    page.fill("#search", SAVE)
    row = page.locator(f'{ROWS}[data-case="{SAVE}"]')
    assert f"{first_comparison.row(SAVE).ratio:.3g}× faster" in row.inner_text()
    page.fill("#search", "save")
    page.set_input_files("#files", {"name": "notes.json", "mimeType": "", "buffer": b"{}"})
    page.wait_for_function("document.getElementById('sentence').textContent.includes('notes.json')")
    # What was typed just before is looked for after a moment: it must not replace the answer.
    page.wait_for_timeout(400)
    assert "notes.json is no result file of asv" in page.inner_text("#sentence")
