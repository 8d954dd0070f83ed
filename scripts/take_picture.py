"""Take docs/compare.png, README's picture of the site; `asv publish` comes first."""

import shutil
import sys

from playwright.sync_api import sync_playwright

from mfbench.foundation.errors import Failure, run
from mfbench.foundation.paths import HTML, ROOT

PICTURE = ROOT / "docs" / "compare.png"


def main() -> None:
    """Open the view Compare in a browser and save what is seen first."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    index = HTML / "index.html"
    if chromium is None:
        raise Failure("chromium is missing; install it (apt-get install chromium)")
    if not index.exists():
        raise Failure("there is no site yet; write it with: make publish")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.goto(f"{index.as_uri()}#view=compare")
        page.wait_for_selector("html[data-drawn]")
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    sys.exit(run(main))
