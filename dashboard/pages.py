"""The page: three views of all that was measured. It loads nothing from another host."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from dashboard.npm_packages import FOLDER, MODULES
from dashboard.parts import SHELL, as_text
from mfbench.report.changes_text import change_size
from mfbench.report.comparison_text import COLUMNS, cells, measured_text
from mfbench.report.glance import (
    costs_text,
    headline,
    human_name,
    trust_text,
    verdict_sentence,
    where_text,
)
from mfbench.results.changes import Change
from mfbench.results.reader import FACTS, Case
from mfbench.verdict.rows import Comparison
from mfbench.verdict.verdict import Verdict

PAGE = FOLDER / "page"
TEMPLATES = Environment(
    loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
# In this order: each uses what those before it define.
PACKAGES = ("d3/dist/d3.min.js", "@observablehq/plot/dist/plot.umd.min.js")
SCRIPTS = (
    *("parts", "results", "statistics", "verdict", "comparison", "text", "glance", "overview"),
    *("table", "detail", "compare", "series", "imports", "drop", "page"),
)
NOTHING = "Nothing was measured yet. Measure with: make bench"
CAPTION = (
    "before / after is above 1 where head is faster, or needs less; the small numbers are its 95% "
    'confidence interval. "instructions" is the same ratio for the instructions executed for the '
    "same work: it repeats to within 0.01%, but reading, writing and waiting do not show in it. "
    '"same code": the case runs no code of metaflow, so any difference is noise. '
    '"can\'t tell": no difference was seen. '
    "A regression takes longer, executes more instructions, or fails."
)


def page(
    data: Mapping[str, Any],
    comparison: Comparison | None,
    status: str,
    patches: Iterable[Path],
    trends: Sequence[Mapping[str, Any]] = (),
    parts: Mapping[str, Any] | None = None,
    changes: Iterable[Change] = (),
) -> str:
    """Return the page.

    Parameters
    ----------
    data : mapping
        What `site_data.document` returns.
    comparison : Comparison or None
        What the page compares first, `labelled`; None if nothing was measured.
    status : str
        The text of STATUS.md.
    patches : iterable of pathlib.Path
        The patches of the series, which the site holds in patches/.
    trends : sequence, optional
        What `trends.trends` returns.
    parts : mapping, optional
        The parts that a page that is one file holds; else each is a file in data/.
    changes : iterable of Change, optional
        What `mfbench watch` recorded, the oldest first.
    """
    rows = comparison.rows if comparison else ()
    scripts = [MODULES / path for path in PACKAGES] + [PAGE / f"{name}.js" for name in SCRIPTS]
    files = {optimization_of(path): path.name for path in patches}
    shell = {each: data[each] for each in SHELL} | {"trends": trends, "patches": files}
    names = f"{comparison.base.name} → {comparison.head.name}" if comparison else ""
    said = headline(comparison, data["highlights"]) if comparison else ""
    return TEMPLATES.get_template("page.html").render(
        style=Markup((PAGE / "page.css").read_text(encoding="utf-8")),
        data=embedded(shell),
        parts={name: embedded(content) for name, content in (parts or {}).items()},
        scripts=[Markup(path.read_text(encoding="utf-8")) for path in scripts],
        title=f"metaflow {names}: {said}" if said else "metaflow benchmarks",
        description=said or NOTHING,
        headline=f"{names}: {said}" if said else "",
        nothing=NOTHING,
        presets=presets(data["commits"]),
        trends=trends,
        changes=[changes_row(each) for each in changes][::-1],
        comparison=comparison,
        sentence=verdict_sentence(comparison) if comparison else NOTHING,
        glance=glance(comparison),
        caption=CAPTION,
        columns=COLUMNS,
        rows=[row for row in rows if row.verdict is not Verdict.NOT_MEASURED],
        cells=cells,
        human_name=human_name,
        machines=data["machines"],
        about=about(comparison) if comparison else NOTHING,
        status=Markup(status_html(status, files)),
        unmeasured=unmeasured(data, files),
    )


def labelled(comparison: Comparison, commits: Iterable[Mapping[str, Any]]) -> Comparison:
    """Return a comparison whose commits have the names that the page gives them."""
    labels = {each["hash"]: each["label"] for each in commits}
    base, head = (
        replace(side, name=labels.get(side.commit, side.name))
        for side in (comparison.base, comparison.head)
    )
    return replace(comparison, base=base, head=head)


def changes_row(change: Change) -> dict[str, str]:
    """Return the texts of a confirmed change, and the address of its comparison."""
    names = {"machine": change.machine, "base": change.base, "head": change.head}
    return {
        "head": change.head,
        "address": urlencode(names),
        "case": human_name(Case.parse(change.case)),
        "size": change_size(change),
        "decision": change.decision,
        "cause": change.cause.replace("`", ""),
        "machine": change.machine,
    }


def embedded(content: Any) -> Markup:
    """Return JSON for an element of a page."""
    # "</script>" in a text would end the element that holds the data.
    return Markup(as_text(content).replace("<", "\\u003c"))


def presets(commits: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return the comparisons that people ask for most: what each is called, and its address."""
    releases = [each["label"] for each in commits if each["role"] == "release"]
    found = []
    if releases and any(each["label"] == "optimized" for each in commits):
        found.append(("newest release vs optimized", f"base={releases[-1]}&head=optimized"))
    if len(releases) > 1:
        found.append(("newest two releases", f"base={releases[-2]}&head={releases[-1]}"))
    return found


def glance(comparison: Comparison | None) -> dict[str, str]:
    """Return the lines below the first comparison, by their names."""
    if comparison is None:
        return dict.fromkeys(("Where", "Costs", "Trust", "Coverage"), "–")
    return {
        "Where": where_text(comparison),
        "Costs": costs_text(comparison),
        "Trust": trust_text(comparison),
        # The page has a box to tick in place of the option.
        "Coverage": re.sub(r" \(--every-run shows .*?\)", "", measured_text(comparison)),
    }


def about(comparison: Comparison) -> str:
    """Say on which machine the first comparison was measured, when, and with which versions."""
    facts = comparison.base.circumstances
    began = max((each.began for each in comparison.head.cases.values()), default=0)
    pins = [
        f"{name} {version}" for name, version in facts.items() if name not in (*FACTS, "python")
    ]
    day = datetime.fromtimestamp(began, timezone.utc).date() if began else "an unknown day"
    return (
        f"{comparison.base.name} and {comparison.head.name} were measured on {day}, on "
        f"{facts.get('machine', 'an unknown machine')}, with Python {facts['python']} and "
        f"{', '.join(pins)}."
    )


def unmeasured(data: Mapping[str, Any], files: Mapping[str, str]) -> dict[str, str]:
    """Return the names of optimisations that no machine measured, and the patch of each, if any."""
    measured = {commit for found in data["measured"].values() for commit in found}
    left = [each for each in data["series"]["commits"] if each not in measured]
    names = {each["hash"]: each["name"] for each in data["commits"]}
    return {names[commit]: files.get(names[commit], "") for commit in left}


def optimization_of(patch: Path) -> str:
    """Return the optimisation's name from the last line of a patch's message."""
    found = re.search(r"^Optimization: (\w+)$", patch.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""


def status_html(status: str, files: Mapping[str, str]) -> str:
    """Return STATUS.md as HTML, headings one level lower, with a link to each patch it names."""
    lowered = re.sub(r"^#", "##", status, flags=re.MULTILINE)
    html = MarkdownIt("commonmark", {"html": False}).enable("table").render(lowered)
    # Relative links lead to files of the repository, which the site does not have.
    html = re.sub(r'<a href="(?!https?:)[^"]*">(.*?)</a>', r"\1", html)
    for name, file in files.items():
        # STATUS.md writes `NAME` (`HASH`).
        named = rf"(<code>{name}</code>)(?= \(<code>\w+</code>\))"
        html = re.sub(named, rf'<a href="patches/{file}">\1</a>', html)
    scrolling = '<div class="scroll" role="group" tabindex="0" aria-label="table"><table>'
    return html.replace("<table>", scrolling).replace("</table>", "</table></div>")
