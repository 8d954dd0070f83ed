"""`mfbench report`: the documents that are made from results/."""

from __future__ import annotations

import click

from mfbench.foundation.files import write_text
from mfbench.foundation.options import machine_option
from mfbench.foundation.paths import RESULTS, ROOT, UPSTREAM
from mfbench.repository.build import require

# In README.md only the table is generated.
DOCUMENTS = {
    "readme": ROOT / "README.md",
    "status": ROOT / "STATUS.md",
    "history": ROOT / "docs" / "history.md",
    "pythons": ROOT / "docs" / "pythons.md",
    "optimizations": ROOT / "docs" / "optimizations.md",
}


def make_document(name: str, machine: str | None = None, time_missing: bool = False) -> str:
    """Return the text of one of `DOCUMENTS`, or README's table.

    With `time_missing`, import trees that docs/history.md lacks are timed, and written to records/.
    """
    # Not above: the statistics take a second to load.
    from mfbench.report.history import history_page
    from mfbench.report.optimizations_page import optimizations_page
    from mfbench.report.readme_table import pythons_page, readme_table
    from mfbench.report.status import status_page

    if name == "readme":
        return readme_table(RESULTS, UPSTREAM, machine)
    if name == "status":
        return status_page(RESULTS, UPSTREAM, machine)
    if name == "history":
        return history_page(RESULTS, UPSTREAM, machine, time_missing)
    if name == "pythons":
        return pythons_page(RESULTS, UPSTREAM, machine)
    return optimizations_page(UPSTREAM)


def write_document(name: str, machine: str | None = None) -> None:
    """Make one of `DOCUMENTS` and write it."""
    text, path = make_document(name, machine, time_missing=True), DOCUMENTS[name]
    if name == "readme":
        from mfbench.report.readme_table import replace_table

        text = replace_table(path.read_text(encoding="utf-8"), text)
    write_text(path, text)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAMES]...", type=click.Choice(list(DOCUMENTS)))
@click.option("--write", is_flag=True, help="Write the documents instead of printing them.")
@machine_option
def command(names: tuple[str, ...], write: bool, machine: str | None) -> None:
    """Make the generated documents: README's table, STATUS.md, docs/.

    NAMES are readme, status, history, pythons and optimizations; all of them by default. They are
    made from results/, and printed. With --write, they are written, and history first times the
    imports that records/imports/ lacks. After a change of the series, optimizations takes a minute:
    it applies the series to the last release of each minor version.
    """
    require(UPSTREAM)
    for name in names or DOCUMENTS:
        if write:
            write_document(name, machine)
            click.echo(f"wrote {DOCUMENTS[name].relative_to(ROOT)}")
        else:
            click.echo(make_document(name, machine), nl=False)
