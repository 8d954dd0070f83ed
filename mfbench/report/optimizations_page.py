"""docs/optimizations.md: which optimisation applies to which release."""

from __future__ import annotations

from pathlib import Path

from mfbench.foundation.errors import Failure
from mfbench.report.words import markdown_table
from mfbench.repository.applicability import outcomes, rows
from mfbench.repository.releases import minor_releases


def optimizations_page(upstream: Path) -> str:
    """Make docs/optimizations.md."""
    releases = minor_releases(upstream)
    if not releases:
        raise Failure("branch main has no release; get them: git -C upstream fetch --tags origin")
    listed = [
        (f"`{name}`", share, takers, refused.replace("\n", "<br>"))
        for name, share, takers, refused in rows(outcomes(upstream, releases))
    ]
    return f"""# Which optimisation applies to which release

An optimisation applies to a release in which it finds the code that it changes. The last column
says what the other releases lack. Often it is the slow code itself, which came with a later
release: then there is nothing to make faster. `mfbench optimize apply 2.15.0` builds the branch for
one release.
`mfbench report optimizations --write` applies the series to the last release of each minor version,
from {releases[0]} to {releases[-1]}, and makes this page. `mfbench optimize check` takes any
release.

{markdown_table(("optimisation", "applies to", "releases", "elsewhere"), listed)}"""
