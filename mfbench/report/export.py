"""`mfbench optimize export`: the optimisations as patches that state their measured effect."""

from __future__ import annotations

from pathlib import Path

import click

from mfbench.foundation.paths import UPSTREAM
from mfbench.repository.build import require


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--alone", is_flag=True, help="Each optimisation alone: NAME.patch.")
@click.option(
    "--onto", metavar="REV", default="main", show_default=True, help="The release to patch."
)
def command(folder: Path, names: tuple[str, ...], alone: bool, onto: str) -> None:
    """Write the optimisations into FOLDER, as patches for git am.

    The patches are numbered, each on top of those before it. With --alone, each applies to the
    release and what it needs. NAMEs select some, also alone. FOLDER is made if it is missing. Each
    patch states its measured effect on the newest release.
    """
    require(UPSTREAM)
    from mfbench.report.pulls import measured_effects
    from mfbench.repository.patches import export, export_alone

    effects = measured_effects(UPSTREAM)
    if alone or names:
        patches = export_alone(UPSTREAM, onto, folder, effects, names)
    else:
        patches = export(UPSTREAM, onto, folder, effects)
    for patch in patches:
        click.echo(patch)
