"""The Before / after page in a real browser, opened from a file."""

import copy
import csv
import io
import json
import subprocess
import sys
import time
import urllib.request
from itertools import pairwise

import pytest

from dashboard import before_after, npm_packages
from scripts import compare
from scripts.comparison import geometric_mean, noise_floor
from scripts.paths import RESULTS, UPSTREAM

# Every row, in few words, of any two commits.
ROWS = """([machine, before, after]) => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const found = compareCommits(data, machine, before, after);
  return {
    floor: noiseFloor(found.rows),
    mean: geometricMean(found.rows.filter((row) => row.evidence)),
    names: [before, after].map((hash) => labelOf(data, hash)),
    rows: found.rows.map((row) => [row.case.name, {
      verdict: row.verdict, reason: row.reason, disagree: Boolean(row.disagree),
      failed: Boolean(row.failed), witness: row.witness ?? null, ratio: row.ratio ?? null,
      low: row.evidence && row.evidence.low, high: row.evidence && row.evidence.high,
      chance: row.chance ?? null, floor: row.floor, detectable: row.detectable ?? null,
      instructions: row.instructions ?? null,
    }]),
  };
}"""


def pairs(data):
    """Neighbours of each machine's commits in both directions, and all against the newest."""
    for machine, measured in data["results"].items():
        hashes = [each["hash"] for each in data["commits"] if each["hash"] in measured]
        newest = data["default"]["before"]
        for one, other in pairwise(hashes):
            yield machine, one, other
        for each in hashes:
            if newest in measured and each != newest:
                yield machine, newest, each
                yield machine, each, newest


def test_verdicts_are_those_of_compare_on_all_committed_results(published, look, data):
    page = look(published / "index.html")
    chosen = list(pairs(data))
    assert len(chosen) > 50
    for machine, before, after in chosen:
        found = page.evaluate(ROWS, [machine, before, after])
        expected = compare.load(RESULTS, UPSTREAM, (before, after), machine)
        # The page calls commits by their labels, and the engine as it was asked for them.
        labels = dict(zip((before, after), found["names"]))
        assert close(found["floor"], noise_floor(expected.rows), 1e-3)
        mean = geometric_mean(row for row in expected.measured if row.evidence)
        assert close(found["mean"], mean, 1e-4)
        rows = dict(found["rows"])
        assert rows.keys() == {str(row.case) for row in expected.rows}
        for row in expected.rows:
            problem = differences_of(rows[str(row.case)], row, labels)
            assert not problem, f"{row.case}: {before[:8]} {after[:8]}: {problem}"


def differences_of(shown, row, labels):
    """Return what the page says otherwise than the engine."""
    reason = row.reason
    for commit, label in labels.items():
        reason = reason.replace(commit, label)
    evidence = row.evidence
    same = {
        "verdict": row.verdict.value,
        "reason": reason,
        "disagree": row.disagree,
        "failed": row.failed,
        "witness": row.witness.value if row.witness else None,
    }
    near = {
        "ratio": row.ratio,
        "low": evidence.low if evidence else None,
        "high": evidence.high if evidence else None,
        "chance": row.chance,
        "floor": row.floor,
        "detectable": row.detectable,
        "instructions": row.instructions,
    }
    found = {name: (shown[name], value) for name, value in same.items() if shown[name] != value}
    return found | {
        name: (shown[name], value) for name, value in near.items() if not close(shown[name], value)
    }


def close(one, other, relative=1e-3):
    if one is None or other is None:
        return one is other
    return one == pytest.approx(other, rel=relative, abs=1e-9)


def test_it_opens_on_the_series_and_says_so(published, look, data, first_comparison):
    page = look(published / "index.html")
    assert page.inner_text("#headline") == before_after.in_words(
        first_comparison, data["highlights"]
    )
    assert page.inner_text("#names") == "2.19.39 → optimized"
    assert page.locator("#cases tbody tr:not(.topic)").count() > 100


def test_the_choice_is_in_the_address(published, look, data):
    page = look(published / "index.html")
    page.select_option("#before", label="2.18.13")
    page.wait_for_function("document.getElementById('names').textContent.startsWith('2.18.13')")
    assert "before=2.18.13" in page.url
    page.click("#swap")
    page.wait_for_function("document.getElementById('names').textContent.endsWith('2.18.13')")
    again = look(published / "index.html", "#" + page.url.partition("#")[2])
    assert again.inner_text("#names") == page.inner_text("#names") == "optimized → 2.18.13"
    assert again.inner_text("#headline") == page.inner_text("#headline")


def test_an_address_with_nonsense_shows_the_usual(published, look):
    page = look(published / "index.html", "#before=nobody&machine=nowhere&sort=x&verdicts=perfect")
    assert page.inner_text("#names") == "2.19.39 → optimized"


def test_search_filter_and_sort(published, look):
    page = look(published / "index.html")
    page.fill("#search", "save float64")
    page.wait_for_function("document.querySelectorAll('#cases tbody tr:not(.topic)').length < 20")
    names = page.locator("#cases tbody th.case").all_inner_texts()
    assert names and all("float64" in name and "save" in name.lower() for name in names)
    page.click("#cases th.ratio button")
    assert page.get_attribute("#cases thead th.ratio", "aria-sort") == "ascending"
    page.click("#cases thead th.ratio button")
    assert page.get_attribute("#cases thead th.ratio", "aria-sort") == "descending"
    for box in page.locator("#verdicts input:not([value=faster])").all():
        box.uncheck()
    shown = page.locator("#cases tr[data-verdict]")
    assert shown.count() > 3
    assert set(shown.evaluate_all("(rows) => rows.map((row) => row.dataset.verdict)")) == {"faster"}
    assert "verdicts=faster" in page.url


def test_what_is_shown_is_saved_as_csv_and_markdown(published, look):
    page = look(published / "index.html", "#search=imports")
    shown = page.locator("#cases tr[data-verdict]").count()
    with page.expect_download() as csv_file:
        page.click("#csv")
    saved = csv_file.value.path().read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(saved)))
    assert len(rows) == shown > 5
    found = {row["benchmark"]: row for row in rows}["imports.Import.timeraw_metaflow"]
    assert float(found["after"]) / float(found["before"]) == pytest.approx(
        float(found["ratio"]), rel=0.01
    )
    with page.expect_download() as markdown_file:
        page.click("#markdown")
    lines = markdown_file.value.path().read_text(encoding="utf-8").splitlines()
    assert lines[0] == "### 2.19.39 → optimized"
    assert len([line for line in lines if line.startswith("| imports.")]) == shown


def test_a_row_leads_to_its_history_in_asv(published, look, served):
    page = look(f"{served}/index.html", "#search=Save float64-8MB")
    page.click("text=artifacts.Save.time_save(float64-8MB)")
    page.wait_for_url("**/asv.html#artifacts.Save.time_save?*")
    page.wait_for_selector("#main-graph canvas")
    assert "artifacts.Save.time_save" in page.inner_text("#title")


def test_old_addresses_of_asv_are_led_on(published, look, served):
    page = look(f"{served}/index.html", "#/summarylist", drawn=False)
    page.wait_for_url("**/asv.html#/summarylist")
    page.wait_for_selector("#summarylist-body table")


@pytest.fixture
def served(published):
    """The site on the loopback address, as make preview serves it."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(
        [*command, "--directory", str(published)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        port = server.stdout.readline().split("port ")[1].split()[0]
        address = f"http://127.0.0.1:{port}"
        for _ in range(50):
            try:
                urllib.request.urlopen(f"{address}/index.html").close()
                break
            except OSError:
                time.sleep(0.1)
        yield address
        server.terminate()


@pytest.mark.parametrize(
    "case",
    ["instructions.Command.track_run(import metaflow)", "artifacts.Save.time_save(float64-8MB)"],
)
def test_the_steps_of_the_series_multiply_to_the_whole(published, look, data, case):
    page = look(published / "index.html")
    found = page.evaluate(
        """(name) => {
          const data = JSON.parse(document.getElementById("data").textContent);
          const described = readCases(data).find((each) => each.name === name);
          return stepsOf(data, data.default.machine, described.index)
            .map((step) => [step.name, step.ratio]);
        }""",
        case,
    )
    names = [name for name, _ in found]
    assert names[0] == "control" and len(names) > 3
    product = 1.0
    for _, ratio in found:
        product *= ratio
    comparison = compare.load(RESULTS, UPSTREAM, ("main", "optimized"), data["default"]["machine"])
    (row,) = [row for row in comparison.rows if str(row.case) == case]
    if row.evidence is None:
        assert product == pytest.approx(row.ratio, rel=1e-6)
    else:
        assert row.evidence.low <= product <= row.evidence.high
    page.select_option("#series-case", case)
    page.wait_for_function(
        "document.getElementById('series-text').textContent.includes('multiply')"
    )
    assert page.locator("#series-chart svg rect").count() >= len(found)


def test_a_click_in_the_history_chooses(published, look):
    page = look(published / "index.html")
    chart = page.locator("#history-chart svg").last
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    page.check("input[name=side][value=before]")
    page.mouse.move(box["x"] + 0.35 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.move(box["x"] + 0.36 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.click(box["x"] + 0.36 * box["width"], box["y"] + 0.5 * box["height"])
    page.wait_for_function("location.hash.includes('before=2.')")


def test_the_import_trees_show_what_is_gone(published, look):
    page = look(published / "index.html")
    assert page.locator("#imports-before rect.left").count() > 10
    name = page.locator("#imports-before g:has(rect.left) title").first.text_content()
    assert "not loaded after" in name
    button = page.locator("#imports-before g[role=button]").nth(2)
    before = page.locator("#imports-before g").count()
    button.focus()
    page.keyboard.press("Enter")
    assert page.locator("#imports-before g").count() != before


@pytest.mark.parametrize("width, scheme", [(1440, "light"), (390, "dark")])
def test_axe_finds_nothing_serious(published, look, width, scheme):
    page = look(
        published / "index.html", viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page.evaluate((npm_packages.MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document)")
    serious = [
        f"{each['id']}: {node['html'][:120]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"][:3]
    ]
    assert serious == []
    # Nothing but tables and charts scrolls sideways, and these by themselves.
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_all_can_be_reached_by_keyboard(published, look):
    page = look(published / "index.html")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.id || document.activeElement.textContent")
        )
    assert {"before", "swap", "after", "machine", "search", "csv", "markdown"} <= reached


def test_without_scripts_the_first_table_stands(published, look, first_comparison):
    page = look(published / "index.html", drawn=False, java_script_enabled=False)
    assert page.locator("#cases tr[data-verdict]").count() > 100
    assert "import metaflow" in page.inner_text("#headline")
    assert not page.is_visible("#choice")
    imports = [row for row in first_comparison.rows if row.case.topic == "imports" and row.evidence]
    mean = before_after.digits(geometric_mean(imports))
    assert f"geometric mean of times {mean}" in page.inner_text("#cases")


def test_without_results_the_page_says_so(look, page_of, data):
    empty = {**data, "machines": [], "results": {}, "commits": [], "cases": [], "benchmarks": []}
    empty["default"] = {**data["default"], "machine": None}
    empty["imports"], empty["steps"] = {}, {}
    page = look(page_of(empty), drawn=False)
    assert page.inner_text("#headline").startswith("Nothing was measured yet")
    assert "Neither side was measured" in page.inner_text("#cases")


def test_a_machine_without_results_says_so_and_shows_nothing_else(look, page_of, data):
    more = copy.deepcopy(data)
    more["machines"].append({**data["machines"][0], "name": "another"})
    more["results"]["another"] = {}
    page = look(page_of(more), "#machine=another")
    assert page.inner_text("#headline") == "Nothing was measured on another: choose another machine"
    assert page.locator("#cases tr[data-verdict]").count() == 0
    page.select_option("#machine", data["default"]["machine"])
    assert page.locator("#cases tr[data-verdict]").count() > 100


def test_one_commit_is_compared_with_itself_and_said(look, page_of, data):
    machine, main = data["default"]["machine"], data["default"]["before"]
    alone = copy.deepcopy(data)
    alone["results"] = {machine: {main: data["results"][machine][main]}}
    alone["commits"] = [each for each in data["commits"] if each["hash"] == main]
    page = look(page_of(alone))
    assert "Both sides are the same commit" in page.inner_text("#counts")


def test_without_a_control_there_is_no_noise_floor(look, page_of, data):
    lacking = copy.deepcopy(data)
    for each in lacking["commits"]:
        each["control_of"] = None
    page = look(page_of(lacking))
    assert "no control beside it" in page.inner_text("#headline")


def test_a_benchmark_that_has_vanished_is_told(look, page_of, data):
    lacking = copy.deepcopy(data)
    machine, tip = data["default"]["machine"], data["default"]["after"]
    (measured,) = lacking["results"][machine][tip].values()
    names = [each["name"] for each in lacking["benchmarks"]]
    gone = names.index("flows.Run.time_hello")
    measured["benchmarks"] = [
        each for each in measured["benchmarks"] if lacking["cases"][each[2][0][0]][0] != gone
    ]
    page = look(page_of(lacking), "#search=flows.Run.time_hello&verdicts=not measured")
    assert "no result of optimized" in page.inner_text("#cases")


def test_text_in_the_data_is_never_taken_for_html(look, page_of, data):
    evil = json.loads(json.dumps(data).replace("2.18.13", "</script><img src=x onerror=alert(1)>"))
    page = look(page_of(evil))
    assert page.locator("img").count() == 0
    labels = page.locator("#before option").all_text_contents()
    assert "</script><img src=x onerror=alert(1)>" in labels
