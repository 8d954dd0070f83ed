"""The Before / after page: one HTML file that needs no server and loads nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from dashboard.npm_packages import FOLDER, MODULES
from dashboard.site_data import as_text
from mfbench.report.comparison_text import COLUMNS, cells, headline, means
from mfbench.verdict.rows import Comparison
from mfbench.verdict.verdict import Verdict

PAGE = FOLDER / "page"
TEMPLATES = Environment(
    loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
# In this order: each uses what those before it define.
PACKAGES = ("d3/dist/d3.min.js", "@observablehq/plot/dist/plot.umd.min.js")
SCRIPTS = ("statistics", "verdict", "comparison", "text", "table", "charts", "imports", "page")


def page(
    data: Mapping[str, Any], comparison: Comparison | None, status: str, patches: Iterable[Path]
) -> str:
    """Return the page.

    Parameters
    ----------
    data : mapping
        What `site_data.document` returns.
    comparison : Comparison or None
        What browsers without JavaScript show; None if nothing was measured.
    status : str
        The text of STATUS.md.
    patches : iterable of pathlib.Path
        The patches of the series, which the site holds in patches/.
    """
    rows = comparison.rows if comparison else ()
    scripts = [MODULES / path for path in PACKAGES] + [PAGE / f"{name}.js" for name in SCRIPTS]
    return TEMPLATES.get_template("page.html").render(
        style=Markup((PAGE / "page.css").read_text(encoding="utf-8")),
        # "</script>" in a text would end the element that holds the data.
        data=Markup(as_text(data).replace("<", "\\u003c")),
        scripts=[Markup(path.read_text(encoding="utf-8")) for path in scripts],
        comparison=comparison,
        headline=headline(comparison) if comparison else "",
        columns=COLUMNS,
        rows=[row for row in rows if row.verdict is not Verdict.NOT_MEASURED],
        means={topic: times for topic, times, *_ in means(comparison)} if comparison else {},
        cells=cells,
        verdicts=[each.value for each in Verdict],
        status=Markup(status_html(status, patches)),
        unmeasured=unmeasured(data, patches),
    )


def unmeasured(data: Mapping[str, Any], patches: Iterable[Path]) -> dict[str, str]:
    """Return the optimisations that no machine measured, and the patch of each; "" without one."""
    files = {optimization_of(path): path.name for path in patches}
    measured = {commit for found in data["results"].values() for commit in found}
    left = [each for each in data["series"]["commits"] if each not in measured]
    names = {each["hash"]: each["name"] for each in data["commits"]}
    return {names[commit]: files.get(names[commit], "") for commit in left}


def optimization_of(patch: Path) -> str:
    """Return the optimisation's name from the last line of a patch's message."""
    found = re.search(r"^Optimization: (\w+)$", patch.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""


def status_html(status: str, patches: Iterable[Path]) -> str:
    """Return STATUS.md as HTML, headings one level lower, with a link to each patch it names."""
    lowered = re.sub(r"^#", "##", status, flags=re.MULTILINE)
    html = MarkdownIt("commonmark").enable("table").render(lowered)
    # Relative links lead to files of the repository, which the site does not have.
    html = re.sub(r'<a href="(?!https?:)[^"]*">(.*?)</a>', r"\1", html)
    for path in patches:
        # STATUS.md writes `NAME` (`HASH`).
        named = rf"(<code>{optimization_of(path)}</code>)(?= \(<code>\w+</code>\))"
        html = re.sub(named, rf'<a href="patches/{path.name}">\1</a>', html)
    scrolling = '<div class="scroll" role="group" tabindex="0" aria-label="table"><table>'
    return html.replace("<table>", scrolling).replace("</table>", "</table></div>")
