"""The Before / after page: one file with everything in it, which needs no server."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from dashboard.npm_packages import FOLDER, scripts_of_the_page
from dashboard.site_data import as_text
from scripts.compare import is_regression
from scripts.comparison import MOVED, Comparison, Row, geometric_mean, noise_floor
from scripts.comparison_report import cells, headline
from scripts.verdict import Verdict

PAGE = FOLDER / "page"
SCRIPTS = (
    "statistics", "verdict", "comparison", "text", "table", "charts", "imports", "page",
)  # fmt: skip
# How STATUS.md names a commit of the series.
PATCH = re.compile(r"<code>(\w+)</code> \(<code>([0-9a-f]{8})</code>\)")
# What a patch's message ends with.
TRAILER = re.compile(r"^Optimization: (\w+)$", re.MULTILINE)
LINK = re.compile(r'<a href="(?!https?:)[^"]*">(.*?)</a>')


def page(
    data: Mapping[str, Any],
    comparison: Comparison | None,
    status: str,
    patches: Mapping[str, str],
) -> str:
    """Return the page.

    Parameters
    ----------
    data : mapping
        What `site_data.document` returns.
    comparison : Comparison or None
        What is shown where no script runs; None if nothing was measured.
    status : str
        STATUS.md.
    patches : mapping of str to str
        Where in the site each optimisation's patch is.

    Returns
    -------
    str
        HTML that loads nothing.
    """
    loader = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    own = [(PAGE / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    rows = comparison.rows if comparison is not None else ()
    return loader.get_template("page.html").render(
        style=Markup((PAGE / "page.css").read_text(encoding="utf-8")),
        # What looks like a tag would end the script element that holds it.
        data=Markup(as_text(data).replace("<", "\\u003c")),
        scripts=[Markup(text) for text in [*scripts_of_the_page(), *own]],
        headline=in_words(comparison, data["highlights"]),
        names=" → ".join(side.name for side in sides(comparison)),
        counts=headline(comparison) if comparison is not None else "",
        topics=[(topic, mean_text(found), found) for topic, found in by_topic(rows).items()],
        cells=cells,
        verdicts=[each.value for each in (*MOVED[::-1], *list(Verdict)[2:])],
        status=Markup(status_html(status, patches)),
    )


def sides(comparison: Comparison | None) -> Sequence[Any]:
    """Return both sides, if any."""
    return () if comparison is None else (comparison.before, comparison.after)


def by_topic(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows that say something, by topic."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.verdict is not Verdict.NOT_MEASURED:
            found.setdefault(row.case.topic, []).append(row)
    return found


def mean_text(rows: Sequence[Row]) -> str:
    """Return the geometric mean of what is timed, in words."""
    mean = geometric_mean(row for row in rows if row.evidence is not None)
    return "" if mean is None else f"geometric mean of times {digits(mean)}"


def in_words(comparison: Comparison | None, highlights: Sequence[Mapping[str, Any]]) -> str:
    """Say what a comparison came to, as a manager reads it; text.js says the same.

    Parameters
    ----------
    comparison : Comparison or None
        None if nothing was measured.
    highlights : sequence of mapping
        Labels, each with the names of cases: the first that has moved is told.

    Returns
    -------
    str
        One line.
    """
    if comparison is None:
        return "Nothing was measured yet. Measure with: make bench"
    if not comparison.measured:
        return "nothing was measured of both that can be compared"
    rows = {str(row.case): row for row in comparison.rows}
    said = []
    for each in highlights:
        moved = [
            rows[name] for name in each["cases"] if name in rows and rows[name].verdict in MOVED
        ]
        if moved and moved[0].ratio:
            times = max(moved[0].ratio, 1 / moved[0].ratio)
            said.append(f"{each['label']} {digits(times)}× {moved[0].verdict.value}")
    regressions = sum(map(is_regression, comparison.rows))
    said.append(f"{regressions} regression{'' if regressions == 1 else 's'}")
    floor = noise_floor(comparison.rows)
    beside = "no control beside it" if floor is None else f"noise floor ±{digits(100 * floor)}%"
    return ", ".join([*said, beside])


def digits(number: float) -> str:
    """Return a number in three significant digits, as text.js does."""
    short = float(f"{number:.3g}")
    if short == 0:
        return "0"
    size = math.floor(math.log10(abs(short)))
    return f"{short:.{min(6, max(0, 2 - size))}f}"


def status_html(status: str, patches: Mapping[str, str]) -> str:
    """Return STATUS.md as HTML whose commits lead to their patches.

    Parameters
    ----------
    status : str
        Markdown; its own heading is left out, and the others stand one level lower.
    patches : mapping of str to str
        Where in the site each optimisation's patch is.
    """
    body = re.sub(r"\A# .*\n", "", status)
    html = (
        MarkdownIt("commonmark").enable("table").render(re.sub(r"^## ", "### ", body, flags=re.M))
    )

    def linked(found: re.Match[str]) -> str:
        name = found[1]
        if name not in patches:
            return found[0]
        return f'<a href="{patches[name]}"><code>{name}</code></a> (<code>{found[2]}</code>)'

    # Its links lead to files of the repository, which are not part of the site.
    html = PATCH.sub(linked, LINK.sub(r"\1", html))
    numbers = itertools.count(1)

    def scrolling(_: re.Match[str]) -> str:
        name = f"table {next(numbers)} of the case study"
        return f'<div class="scroll" role="region" tabindex="0" aria-label="{name}"><table>'

    return re.sub("<table>", scrolling, html).replace("</table>", "</table></div>")


def patches_in(site: Path) -> dict[str, str]:
    """Return where each optimisation's patch is, if it was written into the site."""
    found = {}
    for path in sorted((site / "patches").glob("*.patch")):
        trailer = TRAILER.search(path.read_text(encoding="utf-8"))
        if trailer:
            found[trailer[1]] = f"patches/{path.name}"
    return found
