"""Fixtures: the site as asv publishes it, and a real browser that looks at it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import before_after, npm_packages, site_data
from scripts import compare
from scripts.paths import RESULTS, ROOT, UPSTREAM
from scripts.readme_table import MACHINES

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="session")
def committed_results(made_once) -> Path:
    """What is committed of results/, without what a person has measured here."""

    def make(folder: Path) -> None:
        for machine in MACHINES:
            shutil.copytree(RESULTS / machine, folder / machine)
        shutil.copytree(RESULTS / "imports", folder / "imports")
        shutil.copy(RESULTS / "benchmarks.json", folder)

    return made_once("committed", make)


@pytest.fixture(scope="session")
def published(made_once, committed_results) -> Path:
    """The committed results, published by asv."""

    def make(folder: Path) -> None:
        configured = (ROOT / "asv.conf.json").read_text()
        for name, path in (("results", committed_results), ("html", folder)):
            configured = configured.replace(f'_dir": "{name}"', f'_dir": "{path}"')
        configuration = ROOT / f".asv-{folder.parent.parent.name}.conf.json"
        configuration.write_text(configured)
        command = [sys.executable, "-m", "asv", "--config", str(configuration), "publish"]
        try:
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        finally:
            configuration.unlink()

    return made_once("site", make)


@pytest.fixture(scope="session")
def data(committed_results):
    """What the page knows."""
    return site_data.document(committed_results, UPSTREAM)


@pytest.fixture(scope="session")
def first_comparison(data):
    """What the page shows first."""
    return compare.load(RESULTS, UPSTREAM, ("main", "optimized"), data["default"]["machine"])


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Debian's chromium."""
    if CHROMIUM is None:
        pytest.skip("chromium is missing; install it (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def look(browser, tmp_path):
    """A function that opens a file and fails where the page asks for more or complains.

    It returns the page, whose drawing is complete.
    """
    contexts = []

    def open_page(path, hash="", drawn=True, **settings):
        context = browser.new_context(accept_downloads=True, **settings)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda said: page.complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith(("file:", "data:", "blob:", "http://127.0.0.1"))
                else page.complaints.append(f"asks for {asked.url}")
            ),
        )
        page.goto(f"{path.as_uri() if isinstance(path, Path) else path}{hash}")
        if drawn:
            page.wait_for_selector("html[data-drawn]")
        return page

    yield open_page
    complaints = [
        each for context in contexts for page in context.pages for each in page.complaints
    ]
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page_of(tmp_path):
    """A function that makes a page of other data, as asv publish would."""

    def make(data, comparison=None) -> Path:
        npm_packages.install()
        path = tmp_path / "index.html"
        path.write_text(before_after.page(data, comparison, "", {}), encoding="utf-8")
        return path

    return make
