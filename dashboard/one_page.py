"""One comparison as a page that is one file: `python -m dashboard.one_page BASE HEAD FILE`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from dashboard import npm_packages, pages, parts, site_data
from dashboard.result_files import Measured, read_measured
from mfbench.foundation.errors import Failure, run
from mfbench.foundation.files import write_text
from mfbench.foundation.options import machine_option
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.repository.build import require
from mfbench.results.machines import likeliest, machines_with
from mfbench.results.reader import pythons_of
from mfbench.verdict.revisions import compare_revisions
from mfbench.verdict.rows import Comparison


def one_page(
    data: dict[str, Any], measured: Measured, comparison: Comparison, status: str = ""
) -> str:
    """Return the first comparison of the site's data as one page, with only its own data inside."""
    machines = [each for each in data["machines"] if each["name"] == data["default"]["machine"]]
    kept = dict(parts.of_one_comparison(data, measured))
    shown = {**data, "machines": machines, **kept["commits"]}
    return pages.page(shown, comparison, status, [], (), kept)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("base")
@click.argument("head")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@machine_option
def command(base: str, head: str, file: Path, machine: str | None) -> None:
    """Write FILE: the comparison of two measured commits as a page that needs no other file."""
    require(UPSTREAM)
    # As .ci/compare does: a case that was measured again is of a run of its own.
    comparison = compare_revisions(RESULTS, UPSTREAM, (base, head), machine, every_run=True)
    commits = [comparison.base.commit, comparison.head.commit]
    name = machine or likeliest(RESULTS, machines_with(RESULTS, commits))
    measured = read_measured(RESULTS, UPSTREAM)
    if name not in measured.machines:
        raise Failure(f"results of {name} are on no page; choose another machine with --machine")
    data = site_data.document(measured, UPSTREAM)
    python = comparison.base.circumstances.get("python")
    if python != next(iter(pythons_of(RESULTS / name)), None):
        raise Failure(
            f"{name} measured most with another Python than {python}; pages show that one"
        )
    first = {"machine": name, "base": commits[0], "head": commits[1], "every_run": True}
    data["default"] |= first
    for each in data["machines"]:
        if each["name"] == name:
            each |= {"base": commits[0], "head": commits[1]}
    npm_packages.install()
    write_text(file, one_page(data, measured, pages.labelled(comparison, data["commits"])))


if __name__ == "__main__":
    sys.exit(run(lambda: command(standalone_mode=False)))
