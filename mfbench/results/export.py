"""`mfbench results export`: all that was measured as one table, for other tools."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from mfbench.foundation.errors import Failure, NothingMeasured
from mfbench.foundation.files import atomic_write
from mfbench.foundation.options import format_option, output_option
from mfbench.foundation.paths import IGNORED_MACHINES, RESULTS, UPSTREAM
from mfbench.repository.named_commits import named_commits
from mfbench.results.benchmarks import read_benchmarks
from mfbench.results.reader import read_side

# How many are in memory at a time, and in a row group of the file.
MOST_ROWS = 50_000


def export(results: Path, upstream: Path, output: Path) -> None:
    """Write a row for each case, commit, machine and environment, but not what git ignores."""
    # Not above: no other command needs it.
    import polars
    from polars import Datetime, Float64, List, String

    time = Datetime("ms", "UTC")
    types: dict[str, Any] = {"date": time, "began": time, "unit": String, "statistic": Float64}
    types |= {"parameters": List(String), "samples": List(Float64)}
    found = sorted(results.glob("*/*-*.json"))
    files = [path for path in found if path.parent.name not in IGNORED_MACHINES]
    if not files:
        raise NothingMeasured("there are no results to export; measure with: mfbench run BASE HEAD")
    rows = _rows(files, results, upstream)
    parts = iter(lambda: list(itertools.islice(rows, MOST_ROWS)), [])
    with tempfile.TemporaryDirectory(prefix="export-") as name, atomic_write(output) as whole:
        for number, part in enumerate(parts):
            # Padded, because they are joined in the order of their names.
            place = Path(name) / f"{number:06}.parquet"
            polars.DataFrame(part, schema_overrides=types).write_parquet(place)
        polars.scan_parquet(name).sink_parquet(whole, row_group_size=MOST_ROWS)


def _rows(files: Sequence[Path], results: Path, upstream: Path) -> Iterator[dict[str, Any]]:
    known = {each.hash: each for each in named_commits(upstream)}
    units = {name: each.unit for name, each in read_benchmarks(results).items()}
    for path in files:
        side = read_side(path, path.name)
        named = known.get(side.commit)
        for case, measured in side.cases.items():
            yield {
                "commit": side.commit,
                "name": named.label if named and named.name else "",
                "role": named.role if named else "other",
                "date": round(side.date * 1000),
                "machine": path.parent.name,
                "environment": side.environment,
                "python": side.circumstances["python"],
                "case": str(case),
                "benchmark": case.benchmark,
                "topic": case.topic,
                "parameters": case.parameters,
                "unit": units.get(case.benchmark),
                "version": measured.version,
                "statistic": measured.value if measured.is_known else None,
                "samples": measured.samples,
                "began": round(measured.began * 1000) or None,
            }


@click.command()
@format_option("parquet")
@output_option
def command(form: str, output: Path | None) -> None:
    """Write all results as one table, for other tools.

    It has a row for each case, commit, machine and environment; docs/using.md tells the columns.
    """
    if output is None:
        raise Failure("a table can't be printed; name the file to write: --output FILE")
    export(RESULTS, UPSTREAM, output)
