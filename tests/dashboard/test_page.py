"""The Before / after page in a real browser, opened from a file."""

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
from dashboard.npm_packages import MODULES
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.report.comparison_text import headline
from mfbench.repository.series import read_series
from mfbench.results.reader import RUNS_SINCE
from mfbench.verdict.verdict import Verdict
from tests.committed import MACHINE, file_of
from tests.conftest import NEWEST

pytestmark = pytest.mark.slow
ROWS = "#cases tr[data-verdict]"
SAVE = "artifacts.Save.time_save(float64-8MB)"
SERIOUS = """axe.run(document, {resultTypes: ["violations"]}).then(({ violations }) => violations
  .filter(({ impact }) => ["serious", "critical"].includes(impact))
  .map(({ id, nodes }) => [id, nodes[0].html]))"""


def test_the_choice_is_in_the_address(first_page, look, data):
    page = look(first_page)
    said = page.inner_text("#headline")
    assert re.match(r"Measured \d+ of \d+ cases: import metaflow [2-9]\.", said), said
    assert said.count("× faster") == 5
    page.select_option("#base", label="2.18.13")
    assert page.inner_text("#names") == "2.18.13 → optimized" and "base=2.18.13" in page.url
    page.click("#swap")
    again = look(first_page, "#" + page.url.partition("#")[2])
    assert again.inner_text("#names") == page.inner_text("#names") == "optimized → 2.18.13"
    assert again.inner_text("#headline") == page.inner_text("#headline")
    nonsense = look(first_page, "#base=nobody&machine=nowhere&sort=x&verdicts=perfect")
    assert nonsense.inner_text("#names") == f"{NEWEST} → optimized"
    nonsense.select_option("#base", data["default"]["head"])
    assert "Base and head are the same commit" in nonsense.inner_text("#summary")


def test_what_is_searched_filtered_and_sorted_is_saved(first_page, look):
    page = look(first_page)
    page.fill("#search", "time_save float64")
    page.wait_for_function("document.querySelectorAll('#cases tbody tr:not(.topic)').length < 20")
    for order in ("ascending", "descending"):
        page.click("#cases th.ratio button")
        assert page.get_attribute("#cases thead th.ratio", "aria-sort") == order
    for box in page.locator("#verdicts input:not([value=faster])").all():
        box.uncheck()
    assert "verdicts=faster" in page.url
    names = page.locator("#cases tbody th.case").all_inner_texts()
    assert all("time_save" in name and "float64" in name for name in names)
    saved = []
    for button in ("#csv", "#markdown"):
        with page.expect_download() as file:
            page.click(button)
        saved.append(file.value.path().read_text(encoding="utf-8").splitlines())
    rows = list(csv.DictReader(saved[0]))
    assert saved[1][0] == f"### {NEWEST} → optimized"
    listed = [line.split(" | ")[0] for line in saved[1] if line.endswith("× faster |")]
    assert len(rows) > 3 and listed == [f"| {name}" for name in names]
    for row in rows:
        ratio = float(row["ratio"])
        assert float(row["low"]) < ratio < float(row["high"]) and ratio > 1
        assert float(row["before"]) / float(row["after"]) == pytest.approx(ratio, rel=0.01)


def test_the_steps_of_the_series_multiply_to_the_whole(first_page, look, first_comparison):
    page = look(first_page)
    for case in ("instructions.Command.track_run(import metaflow)", SAVE):
        page.select_option("#series-case", case)
        whole = first_comparison.row(case).ratio
        page.wait_for_function(
            f"document.getElementById('series-text').textContent.includes('is {whole:#.3g};')"
        )
        place = "readCases(data).find((each) => each.name === name).index"
        steps = page.evaluate(f"(name) => stepsOf(data, data.default.machine, {place})", case)
        assert steps[0]["name"] == "control" and steps[0]["verdict"] not in ("faster", "slower")
        assert "faster" in [step["verdict"] for step in steps]
        assert prod(step["ratio"] for step in steps) == pytest.approx(whole, rel=1e-4)
        assert page.locator("#series-chart svg rect").count() >= len(steps)


def test_no_single_commit_is_named_for_what_several_did_together(first_page, look):
    # On this machine its time is known of both ends, and its instructions of each commit.
    page = look(first_page, f"#machine={MACHINE}&case=imports.Import.timeraw_metaflow")
    shown = page.locator("#series-chart text").all_text_contents()
    assert "27 commits, not measured one by one" in shown and "blake3_keys" not in shown
    said = page.inner_text("#series-text")
    assert re.search(r"these commits changed it: .* lazy_plugins \(1\.\d+× fewer\)", said)
    assert "package_on_demand" not in said
    page.select_option("#series-case", "instructions.Command.track_run(import metaflow)")
    page.wait_for_function("document.querySelector('#series-chart').textContent.includes('lazy')")
    assert "several commits" not in page.inner_text("#series-text")


def test_unmeasured_commits_are_listed_by_name(look, page_of, copied):
    shutil.copy(file_of(RESULTS, "optimized~3"), copied / MACHINE)
    file_of(copied, "optimized").unlink()
    page = look(page_of(site_data.document(copied, UPSTREAM)))
    measured, *left = [each.name for each in read_series(UPSTREAM)][-4:]
    assert page.inner_text("#names") == f"{NEWEST} → {measured}"
    options = page.locator("#head option").all_text_contents()
    assert options[-1] == f"optimized ({left[-1]}), not measured" and measured in options
    shown = page.locator("#series-chart text").all_text_contents()
    assert {f"{each}, not measured" for each in left} <= set(shown)
    for each in left:
        assert each in page.inner_text("#case-study")
    page.select_option("#head", label=options[-1])
    assert page.inner_text("#headline") == f"Not measured on {MACHINE}: {left[-1]}"


def test_rows_of_other_runs_are_shown_when_asked_for(look, page_of, data):
    changed = json.loads(json.dumps(data))
    (place,) = (n for n, each in enumerate(data["benchmarks"]) if each["name"] in SAVE)
    sides = changed["results"][MACHINE]
    for side in (sides[data["default"]["base"]], sides[data["default"]["head"]]):
        for environment in side.values():
            for benchmark in environment["benchmarks"]:
                if data["cases"][benchmark[2][0][0]][0] == place:
                    benchmark[1] = RUNS_SINCE + 1
    page = look(page_of(changed), f"#machine={MACHINE}")
    few = page.locator(ROWS).count()
    left_out = int(re.search(r"(\d+) rows of other runs left", page.inner_text("#summary"))[1])
    page.click("#every-run")
    assert "runs=every" in page.url and "left out" not in page.inner_text("#summary")
    assert page.locator(ROWS).count() == few + left_out
    (row,) = page.locator(ROWS).filter(has_text=SAVE).all()
    assert "other run" in row.inner_text()


def test_a_click_in_the_history_chooses(first_page, look):
    page = look(first_page)
    chart = page.locator("#history-chart svg").last
    chart.hover(position={"x": 400, "y": 150})
    chart.click(position={"x": 410, "y": 150})
    page.wait_for_function("location.hash.includes('base=2.')")


def test_the_import_trees_show_what_is_gone(first_page, look):
    page = look(first_page)
    gone = page.locator("#imports-base g:has(rect.only) title").all_text_contents()
    assert len(gone) > 10 and all("not loaded by head" in each for each in gone)
    button = page.locator("#imports-base g[role=button]").nth(2)
    label, shown = button.get_attribute("aria-label"), page.locator("#imports-base g").count()
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("#imports-base g").count() != shown
    # The focus stays, so that the same key goes back.
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == label


@pytest.mark.parametrize("width, scheme", [(1440, "light"), (390, "dark")])
def test_axe_finds_nothing_serious(published, look, width, scheme):
    # Rows of one kind look alike; axe takes long for all of them.
    size = {"width": width, "height": 900}
    page = look(published / "index.html", "#search=time_load", viewport=size, color_scheme=scheme)
    page.evaluate((MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    assert page.evaluate(SERIOUS) == []
    # Nothing but tables and charts scrolls sideways, and these by themselves.
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_without_scripts_the_first_table_stands(first_page, look, first_comparison):
    page = look(first_page, drawn=False, java_script_enabled=False)
    shown = [row for row in first_comparison.rows if row.verdict is not Verdict.NOT_MEASURED]
    assert page.locator(ROWS).count() == len(shown)
    assert page.inner_text("#headline") == headline(first_comparison)
    assert "geometric mean: times 2." in page.inner_text("#cases")
    assert not page.is_visible("#choice")


def test_without_results_the_page_says_so(look, page_of, data, tmp_path):
    more = {**data, "machines": [*data["machines"], {**data["machines"][0], "name": "another"}]}
    page = look(page_of(more), "#machine=another")
    assert page.inner_text("#headline") == "Nothing was measured on another: choose another machine"
    assert page.locator(ROWS).count() == 0
    page.select_option("#machine", data["default"]["machine"])
    assert page.locator(ROWS).count() > 100
    page = look(page_of(site_data.document(tmp_path, UPSTREAM, tmp_path)))
    for shown in ("#headline", "#cases"):
        assert "Nothing was measured yet" in page.inner_text(shown)


def test_text_in_the_data_is_never_taken_for_html(look, page_of, data):
    evil = "</script><img src=x onerror=alert(1)>"
    page = look(page_of(json.loads(json.dumps(data).replace("2.18.13", evil))))
    assert page.locator("img").count() == 0
    assert evil in page.locator("#base option").all_text_contents()


def test_the_page_and_old_addresses_lead_to_asv(published, look):
    handler = partial(SimpleHTTPRequestHandler, directory=published)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/index.html"
        page = look(address, "#search=Save float64-8MB")
        page.click(f"text={SAVE}")
        page.wait_for_url("**/asv.html#artifacts.Save.time_save?*")
        page.wait_for_selector("#main-graph canvas")
        assert "artifacts.Save.time_save" in page.inner_text("#title")
        page = look(address, "#/summarylist", drawn=False)
        page.wait_for_url("**/asv.html#/summarylist")
        page.wait_for_selector("#summarylist-body table")
        server.shutdown()
