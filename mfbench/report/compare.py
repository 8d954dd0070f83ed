"""`mfbench compare`: two commits and their verdicts, as text or as an exit code."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mfbench.foundation.options import (
    format_option,
    machine_option,
    output_option,
    topics_option,
    write_or_print,
)
from mfbench.foundation.paths import RESULTS, ROOT, UPSTREAM
from mfbench.repository.build import require
from mfbench.results.changes import CHANGES, read_changes
from mfbench.results.reader import pythons_of

if TYPE_CHECKING:
    from mfbench.verdict.rows import Comparison

REGRESSION, NOTHING = 1, 2
# In characters, of tables in a file or a pipe.
WIDTH = 160


@click.command()
@click.argument("base")
@click.argument("head")
@machine_option
@click.option(
    "--results",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    default=RESULTS,
    help="Folder of results to read (default: results/).",
)
@click.option(
    "--python", metavar="VERSION", default="", help="Use results of this Python, for example 3.12."
)
@topics_option
@click.option("--all", "everything", is_flag=True, help="Show the cases that did not change, too.")
@click.option(
    "--every-run", is_flag=True, help="Also show times of other runs, marked 'other run'."
)
@format_option("text", "markdown", "json", "comment")
@output_option
@click.option(
    "--fail-on",
    type=click.Choice(["never", "regression"]),
    default="never",
    show_default=True,
    help="Exit with 1 on a regression.",
)
def command(
    base: str,
    head: str,
    machine: str | None,
    results: Path,
    python: str,
    topics: tuple[str, ...],
    everything: bool,
    every_run: bool,
    form: str,
    output: Path | None,
    fail_on: str,
) -> None:
    """Compare two commits by their results; measure nothing.

    BASE and HEAD are releases, branches or commits of upstream/. Each case gets a verdict, which
    docs/understanding.md explains. Without --machine, this machine's results are used, or else
    those of the machine that measured the most; without --python, those of the Python with the most
    results of that machine. If the pair was timed in several runs, only the one with the most timed
    cases is shown.

    Exit codes: 0 compared; 1 a regression, with --fail-on regression (HEAD takes longer or executes
    more instructions in some case, or a benchmark that worked in BASE fails or gives a wrong answer
    in HEAD); 2 nothing was measured, or nothing is comparable; 3 an error.
    """
    require(UPSTREAM)
    # Not above: help and errors do without the statistics, which take a second to load.
    from mfbench.report.changes_text import with_decisions
    from mfbench.verdict.revisions import compare_revisions

    comparison = compare_revisions(
        results, UPSTREAM, (base, head), machine, topics, every_run, python=python
    )
    changes = read_changes(results.parent / CHANGES.relative_to(ROOT)).found
    comparison = with_decisions(comparison, changes, UPSTREAM)
    used, name = map(comparison.base.circumstances.get, ("python", "machine"))
    others = [each for each in pythons_of(results / str(name)) if each != used]
    if others and not python:
        names = f"{', '.join(others)} (choose with --python VERSION)"
        click.echo(f"Using results of Python {used}; also measured: {names}", err=True)
    write_or_print(rendered(comparison, form, everything, output is not None), output)
    if not comparison.measured:
        sys.exit(NOTHING)
    if fail_on == "regression" and comparison.regressions:
        sys.exit(REGRESSION)


def rendered(comparison: Comparison, form: str, everything: bool, to_file: bool) -> str:
    """Return a comparison in one of the formats."""
    from mfbench.report.comment import as_comment
    from mfbench.report.comparison_json import as_json
    from mfbench.report.comparison_text import as_markdown, as_text

    if form == "json":
        return as_json(comparison)
    if form == "comment":
        return as_comment(comparison)
    if form == "markdown":
        return as_markdown(comparison, everything)
    width = shutil.get_terminal_size((WIDTH, 24)).columns
    return as_text(comparison, everything, WIDTH if to_file else width, colours=not to_file)
