"""What tests of the page share: its selectors, and waiting until it is drawn."""

from __future__ import annotations

ROWS = "#cases tr[data-verdict]"
SAVE = "artifacts.Save.time_save(float64-8MB)"
DRAWN = "document.documentElement.dataset.drawn === (location.hash.slice(1) || 'overview')"


def settled(page):
    """Wait until what the address asks for is drawn."""
    page.wait_for_function(DRAWN)
    return page


def choose(page, side, label):
    page.fill(f"#{side}", label)
    page.press(f"#{side}", "Enter")
    page.wait_for_function(f"location.hash.includes('{side}={label}')")
    return settled(page)
