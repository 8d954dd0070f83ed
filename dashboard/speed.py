"""How long a person waits for the Before / after page: its first view, at a size it may grow to.

Makes a page of random numbers for 80 commits of 300 cases, and opens it in chromium several times.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from dashboard import before_after, npm_packages
from dashboard.site_data import SCHEMA, as_text, short
from scripts.errors import Failure, run

COMMITS, CASES, SAMPLES, VISITS = 80, 300, 10, 7
# From the request to the table's first drawing, as the browser measures it.
DRAWN = "performance.getEntriesByName('table')[0].startTime"


def made_up(commits: int, cases: int, samples: int) -> dict[str, Any]:
    """Return a document of random times, in the shape of `site_data.document`."""
    generator = np.random.default_rng(20191203)
    hashes = [f"{number:040x}" for number in range(1, commits + 1)]
    usual = np.exp(generator.normal(8, 2, cases))

    def measured() -> list[Any]:
        times = usual * np.exp(generator.normal(0, 0.05, (samples, cases)))
        rows = [[case, 0, [short(each) for each in times[:, case]]] for case in range(cases)]
        return [["1", 1, [row]] for row in rows]

    circumstances = {"cpu": "x", "num_cpu": "2", "os": "x", "python": "3.11"}
    names = ("name", "arch", "cpu", "num_cpu", "os", "ram")
    return {
        "schema": SCHEMA,
        "machines": [dict.fromkeys(names, "x")],
        "commits": [
            {"hash": each, "label": f"1.{place}", "name": f"1.{place}", "title": "x", "date": place,
             "role": "release", "control_of": hashes[0] if place == 1 else None}
            for place, each in enumerate(hashes)
        ],
        "benchmarks": [
            {"name": f"topic{place % 12}.Case{place}.time_it", "unit": "seconds",
             "parameter_names": []}
            for place in range(cases)
        ],
        "cases": [[place, [], 8_000_000, None, None] for place in range(cases)],
        "results": {
            "x": {
                each: {"env": {"circumstances": circumstances, "benchmarks": measured()}}
                for each in hashes
            }
        },
        "series": {"base": hashes[0], "commits": hashes[1:20]},
        "steps": {"x": {}},
        "imports": {},
        "highlights": [],
        "default": {"machine": "x", "before": hashes[0], "after": hashes[-1],
                    "case": "topic0.Case0.time_it"},
    }  # fmt: skip


def milliseconds_to_view(page: Path, visits: int) -> list[float]:
    """Open a file in chromium again and again; return when its table was drawn."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise Failure("chromium is missing; install it (apt-get install chromium)")
    found = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for _ in range(visits):
            opened = browser.new_page()
            opened.goto(page.as_uri())
            opened.wait_for_selector("html[data-drawn]")
            found.append(float(opened.evaluate(DRAWN)))
            opened.close()
        browser.close()
    return found


def main() -> int:
    """Measure, and print what came of it."""
    npm_packages.install()
    data = made_up(COMMITS, CASES, SAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "index.html"
        page.write_text(before_after.page(data, None, "", {}), encoding="utf-8")
        times = milliseconds_to_view(page, VISITS)
    print(f"{COMMITS} commits of {CASES} cases, {SAMPLES} processes each")
    print(f"data {len(as_text(data)) / 1e6:.2f} MB, scripts {script_bytes() / 1e3:.0f} KB")
    print(f"table drawn after {median(times):.0f} ms ({min(times):.0f}-{max(times):.0f}), "
          f"{VISITS} visits")  # fmt: skip
    return 0


def script_bytes() -> int:
    """Return the size of all scripts of the page."""
    own = [(before_after.PAGE / f"{name}.js").read_text() for name in before_after.SCRIPTS]
    return sum(len(text.encode()) for text in [*npm_packages.scripts_of_the_page(), *own])


if __name__ == "__main__":
    sys.exit(run(main))
