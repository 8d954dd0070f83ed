"""`mfbench optimize export`: the optimisations as patches that state their measured effect."""

from __future__ import annotations

from pathlib import Path

import click

from mfbench.foundation.paths import UPSTREAM
from mfbench.repository.build import require


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--onto", metavar="REV", default="main", show_default=True, help="The release to patch."
)
def command(folder: Path, onto: str) -> None:
    """Write the optimisations into FOLDER, as patches for git am.

    FOLDER is made if it is missing. Each patch states its measured effect on the newest release.
    """
    require(UPSTREAM)
    from mfbench.report.status import measured_effects
    from mfbench.repository.patches import export

    for patch in export(UPSTREAM, onto, folder, measured_effects(UPSTREAM)):
        click.echo(patch)
