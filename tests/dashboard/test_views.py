"""Each view of the published site: loaded in parts, light, readable, and usable by everyone."""

from pathlib import Path

import pytest

from dashboard.npm_packages import MODULES
from tests.conftest import NEWEST

pytestmark = pytest.mark.slow
VIEWS = ("#view=overview", "#view=compare", "#view=why")
VIOLATIONS = """axe.run(document, {resultTypes: ["violations"]}).then(({ violations }) =>
  violations.map(({ id, nodes }) => [id, nodes.length, nodes[0].html]))"""
STOPS = "a, button, input, select, summary, [tabindex='0']"
STOPS_BEFORE_THE_TABLE = f"""() => {{
  const table = document.querySelector("#cases table");
  return [...document.querySelectorAll("{STOPS}")]
    .filter((each) => each.checkVisibility() && each.tabIndex >= 0)
    .filter((each) => each.compareDocumentPosition(table) & 4).length;
}}"""
SHIFT = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) if (!each.hadRecentInput) sum += each.value;
  }).observe({ type: "layout-shift", buffered: true });
  setTimeout(() => resolve(sum), 300);
})"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 768, 390])
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(published, look, view, width, scheme):
    size = {"width": width, "height": 900}
    page = look(published / "index.html", view, viewport=size, color_scheme=scheme)
    page.evaluate((MODULES / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    assert page.evaluate(VIOLATIONS) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("view", VIEWS[:2])
def test_a_view_is_small_and_stays_in_place(published, look, view):
    size = {"width": 1440, "height": 900}
    page = look(published / "index.html", view, viewport=size)
    assert page.evaluate("document.querySelectorAll('*').length") <= 3000
    assert page.evaluate(SHIFT) <= 0.05
    if view == "#view=compare":
        assert page.evaluate(STOPS_BEFORE_THE_TABLE) <= 15
    else:
        assert page.evaluate("document.documentElement.scrollHeight") <= 3 * 900


def test_the_first_view_loads_nothing_but_the_page(published, look):
    page = look(published / "index.html")
    entries = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assert entries == []
    assert (published / "index.html").stat().st_size < 1_000_000
    page.click("nav >> text=Compare")
    page.wait_for_selector("#cases tr[data-verdict]")
    page.click("#cases tr[data-verdict] button")
    page.wait_for_selector("tr.detail figure svg")


def test_the_comparison_as_one_file_needs_no_other(published, look, tmp_path):
    alone = Path(tmp_path / "mailed.html")
    alone.write_bytes((published / "comparison.html").read_bytes())
    page = look(alone, "#view=compare")
    assert page.inner_text("#names") == f"{NEWEST} → optimized"
    assert page.locator("#cases tr[data-verdict]").count() == 25
    page.click("nav >> text=Why")
    page.wait_for_selector("#imports svg")
