"""Commands about the optimisations: apply and check."""

from __future__ import annotations

import re
import sys

import click

from mfbench.foundation.mistakes import warn_about_unlisted
from mfbench.foundation.paths import UPSTREAM
from mfbench.repository.applicability import outcomes, rows
from mfbench.repository.releases import releases_on_main
from mfbench.repository.series import build_series


@click.command("apply")
@click.argument("revision", metavar="[REV]", default="main")
def apply_command(revision: str) -> None:
    """Put the optimisations on top of a release, one commit each.

    REV is a release, a branch or a commit; default: main, the newest release. For main, the commits
    go to branch optimized, and each alone, on what it needs, to a branch pr/NAME; otherwise all go
    to branch optimized-REV. If you committed on such a branch, your commits are kept on another
    one, BRANCH-kept-1. Optimisations that do not apply are skipped and named; for main, the exit
    code is then 1.
    """
    is_main = revision == "main"
    branch = "optimized" if is_main else f"optimized-{re.sub(r'[^0-9A-Za-z.-]+', '-', revision)}"
    series = build_series(UPSTREAM, revision, branch)
    refused = [commit for commit in series if commit.refusal]
    for commit in refused:
        print(f"skipped {commit.name}: {commit.refusal}")
    alone = "; each alone on pr/NAME" if is_main else ""
    print(f"{branch}: {len(series) - len(refused)} commits on {revision}{alone}")
    if refused and is_main:
        sys.exit(1)


@click.command("check")
@click.argument("revisions", metavar="[REV]...", nargs=-1)
def check_command(revisions: tuple[str, ...]) -> None:
    """Show which optimisation applies to which release, and why not to the others.

    REV is a release, a branch or a commit; default: every release, which takes some minutes the
    first time. Nothing is written.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    found = outcomes(UPSTREAM, revisions or list(releases_on_main(UPSTREAM)))
    warn_about_unlisted(next(iter(found.values()), {}))
    table = Table("optimisation", "applies to", "releases", "elsewhere", show_lines=True)
    for cells in rows(found):
        table.add_row(*map(Text, cells))
    Console().print(table)
