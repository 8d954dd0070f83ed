"""Take the results of a run of scripts/backfill.py into results/: of one that ran on a cluster."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from scripts import results
from scripts.errors import Failure, run
from scripts.paths import RESULTS
from scripts.results import report_of_merge


def files_of(run_id: str) -> dict[str, str]:
    """Return the files that a run's join merged, by their paths below results/."""
    from metaflow import Run, namespace
    from metaflow.exception import MetaflowException

    # Whoever started it.
    namespace(None)
    try:
        files = Run(f"Backfill/{run_id}")["join"].task.data.files
    except (MetaflowException, AttributeError, KeyError) as problem:
        raise Failure(
            f"run {run_id} of Backfill has no results of its join ({problem}); "
            "python scripts/backfill.py resume goes on with it"
        ) from None
    return dict(files)


def write(files: dict[str, str], folder: Path) -> None:
    """Write a run's files into a folder."""
    for name, text in files.items():
        path = folder / name
        if folder.resolve() not in path.resolve().parents:
            raise Failure(f"the run's file {name} is not below results/; it was not taken")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Fetch, then merge."""
    parser = argparse.ArgumentParser(prog="python -m scripts.take_backfill", description=__doc__)
    parser.add_argument("run_id", metavar="RUN_ID", help="as metaflow printed it")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="backfill-") as name:
        write(files_of(arguments.run_id), Path(name))
        results.history.ensure(results.UPSTREAM)
        return report_of_merge(Path(name), RESULTS)


if __name__ == "__main__":
    sys.exit(run(main))
