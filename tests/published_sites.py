"""Fixtures: the site as asv publishes it, and a real browser that looks at it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import npm_packages, pages, parts, site_data
from dashboard.result_files import read_measured
from dashboard.trends import trends
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RESULTS, ROOT, UPSTREAM
from mfbench.measure.asv_command import configuration, configured
from mfbench.repository import build
from mfbench.results.benchmarks import read_benchmarks
from mfbench.verdict.revisions import compare_revisions
from tests.committed import MACHINE

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Whose results are committed; a person may have measured on others, too.
MACHINES = ("reference", MACHINE)


@pytest.fixture(scope="session")
def committed_results(made_once) -> Path:
    """What is committed of results/."""

    def make(folder: Path) -> None:
        for machine in MACHINES:
            shutil.copytree(RESULTS / machine, folder / machine)
        shutil.copy(RESULTS / "benchmarks.json", folder)

    return made_once("committed", make)


def publish(results: Path, site: Path, upstream: Path) -> subprocess.CompletedProcess[str]:
    """Let asv publish results."""
    conf = configuration()
    conf.results_dir, conf.html_dir, conf.repo = map(str, (results, site, upstream))
    with configured(conf) as path:
        command = [sys.executable, "-m", "asv", "--config", path, "publish"]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="session")
def published(made_once, committed_results) -> Path:
    """The committed results, published by asv in place of an old site; upstream/ stays as it is."""

    def make(folder: Path) -> None:
        build.ensure(UPSTREAM)
        upstream = shutil.copytree(UPSTREAM, folder / "upstream", symlinks=True)
        (folder / "site").mkdir()
        (folder / "site" / "old.html").touch()
        held = git(upstream, "for-each-ref"), git(upstream, "count-objects", "-v")
        finished = publish(committed_results, folder / "site", upstream)
        assert finished.returncode == 0, finished.stdout + finished.stderr
        assert "Skipping" not in finished.stdout
        assert held == (git(upstream, "for-each-ref"), git(upstream, "count-objects", "-v"))

    return made_once("published", make) / "site"


@pytest.fixture(scope="session")
def measured(committed_results):
    """What the site shows of the committed results."""
    build.ensure(UPSTREAM)
    return read_measured(committed_results, UPSTREAM)


@pytest.fixture(scope="session")
def data(measured):
    """What the page knows."""
    return site_data.document(measured, UPSTREAM)


@pytest.fixture(scope="session")
def first_comparison(data, committed_results):
    """What the page shows first."""
    names = ("main", "optimized")
    return compare_revisions(committed_results, UPSTREAM, names, data["default"]["machine"])


@pytest.fixture(scope="session")
def page_of(tmp_path_factory):
    """A function that makes a page of what was measured, which holds all parts of it."""

    def make(measured, data=None, comparison=None, tiles=()) -> Path:
        npm_packages.install()
        path = tmp_path_factory.mktemp("page") / "index.html"
        data = data or site_data.document(measured, UPSTREAM)
        every = dict(parts.parts_of(data, measured))
        path.write_text(pages.page(data, comparison, "", [], tiles, every), encoding="utf-8")
        return path

    return make


@pytest.fixture(scope="session")
def tiles(measured, data, first_comparison):
    """The overview's charts."""
    known = read_benchmarks(measured.results)
    shown = pages.labelled(first_comparison, data["commits"])
    return trends(measured.sides, data["commits"], known, UPSTREAM, shown)


@pytest.fixture(scope="session")
def first_page(page_of, measured, data, first_comparison, tiles) -> Path:
    """The page of the committed results, as one file."""
    return page_of(measured, data, pages.labelled(first_comparison, data["commits"]), tiles)


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
def look(browser):
    """A function that opens a page and returns it once it is drawn.

    The test fails if a page asks another host for something, or writes to the console.
    """
    pages, complaints, requests = [], [], []

    def open_page(path, hash="", drawn=True, **settings):
        page = browser.new_page(**settings)
        pages.append(page)
        page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"{path.as_uri() if isinstance(path, Path) else path}{hash}")
        if drawn:
            page.wait_for_selector("html[data-drawn]")
        return page

    yield open_page
    for page in pages:
        page.close()
    local = ("file:", "data:", "blob:", "http://127.0.0.1")
    assert complaints + [url for url in requests if not url.startswith(local)] == []
