"""`mfbench results take`: take in the results of scripts/backfill.py, which ran on a cluster."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from mfbench.foundation.errors import Failure
from mfbench.foundation.files import write_text
from mfbench.results.merge import merge_and_tell


def files_of(run_id: str) -> dict[str, str]:
    """Return the texts of the files that a run measured, by their paths below results/."""
    from metaflow import Run, namespace
    from metaflow.exception import MetaflowException

    # Whoever started the run.
    namespace(None)
    try:
        return dict(Run(f"Backfill/{run_id}")["join"].task.data.files)
    except (MetaflowException, AttributeError, KeyError) as problem:
        raise Failure(
            f"run {run_id} of Backfill has no results ({problem}); "
            "continue it with: python scripts/backfill.py resume"
        ) from None


@click.command()
@click.argument("run_id")
def command(run_id: str) -> None:
    """Take in the results of scripts/backfill.py, which ran on a cluster.

    RUN_ID is the run's number, which metaflow printed. The rules and exit codes are those of
    mfbench results merge.
    """
    with tempfile.TemporaryDirectory(prefix="backfill-") as name:
        for place, text in files_of(run_id).items():
            write_text(Path(name) / "results" / place, text)
        merge_and_tell(Path(name))
