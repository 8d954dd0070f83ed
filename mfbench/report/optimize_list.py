"""`mfbench optimize list`: each optimisation with its size and its gain."""

from __future__ import annotations

import click

from mfbench.foundation.errors import NothingMeasured
from mfbench.foundation.mistakes import warn_about_unlisted
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.repository.applicability import shares
from mfbench.repository.build import require


@click.command("list")
def command() -> None:
    """Show the optimisations: what each needs, its added lines and its gain.

    Gains are of the headline, the first claimed case: alone (pr/NAME against the commit below it)
    and in the series (its commit of branch optimized against the one below). Lines are those of
    metaflow's code, without tests. The last column says how many minor versions it applies to,
    tried on the last release of each.
    """
    require(UPSTREAM)
    applies = shares(UPSTREAM)
    warn_about_unlisted(applies)
    # Imported late: an error above needs none of these.
    from rich.console import Console
    from rich.table import Column, Table

    from mfbench.report.pulls import read_all
    from mfbench.report.readme_table import machine_of_tables
    from mfbench.report.words import speed_up_text

    try:
        machine = machine_of_tables(RESULTS, UPSTREAM)
    except NothingMeasured:
        machine = None
    pulls = read_all(RESULTS, UPSTREAM, machine)
    first = Column("optimisation", no_wrap=True)
    table = Table(first, "needs", "added lines", "alone", "in the series", "applies to")
    for pull in pulls:
        name, needs = pull.optimization.name, ", ".join(pull.optimization.needs)
        gains = (speed_up_text(row).partition(":")[0] for row in (pull.alone, pull.in_series))
        cells = [each.replace("*", "") for each in gains]
        table.add_row(name, needs, str(pull.added), *cells, applies[name])
        click.echo(f"{name}: {pull.optimization.title}")
    Console().print(table)
    lines, modules = (
        sum(getattr(each, what) for each in pulls) for what in ("added", "new_modules")
    )
    click.echo(f"in all: {lines} added lines, {modules} new modules")
