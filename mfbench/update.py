"""`mfbench update`: new releases, the series on the newest, measurements, documents, site."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import click

from mfbench.foundation.errors import Failure
from mfbench.foundation.options import bench_option, machine_option
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.repository import build
from mfbench.repository.kept_changes import changes_of
from mfbench.repository.releases import releases_on_main
from mfbench.repository.series import find_commit
from mfbench.results.check import faults
from mfbench.results.machines import ensure_machine
from mfbench.results.thin import remove

# The site is published, but a document could not be written, or an optimisation does not apply. No
# other command uses this code.
EXIT_INCOMPLETE = 4


@click.command()
@machine_option
@bench_option
def command(machine: str | None, bench: str | None) -> None:
    """Take in new releases: measure them, write documents and site.

    It adds new releases to the list and to upstream/, measures what this machine lacks (the newest
    release, the series, and the releases since the last one that this machine measured), checks
    results/, writes the documents if they are made from this machine, and publishes the site. A
    second run measures nothing; a run that was stopped is continued. With --bench, only these cases
    are measured, and no document is written.

    If upstream/ is a clone of metaflow's own repository, it fetches what is new there instead, and
    measures the newest commit of branch main and the newer releases. The documents are about
    released metaflow, so they stay, and so do the results of commits that the clone lacks.

    It names each optimisation that does not apply to the newest release, or to a clone's branch
    main, and measures the others.

    Exit codes: 0 done; 3 an error; 4 published, but a document could not be written, or an
    optimisation does not apply.
    """
    # Not above: these load what help and errors do without.
    from mfbench.measure.asv_command import asv
    from mfbench.report.readme_table import machine_of_tables

    print(f"new releases: {', '.join(new_releases()) or 'none'}", flush=True)
    refused = print_conflicts()
    name = ensure_machine(machine)
    measured = measure_missing(name, bench)
    found = faults(RESULTS, UPSTREAM)
    is_clone = build.is_clone(UPSTREAM)
    if not is_clone:
        # Such as those of an older series.
        remove((fault.path for fault in found if fault.is_superseded), "its commit is gone")
    if damaged := [fault for fault in found if not fault.is_superseded]:
        raise Failure(f"{damaged[0]}; mfbench results check lists all {len(damaged)} faults")
    documented = not (bench or is_clone) and name == machine_of_tables(RESULTS, UPSTREAM)
    unwritten = write_documents() if documented else []
    asv("publish")
    print(f"{len(measured)} commits measured; the site is published")
    if unwritten:
        print("\n".join(f"error: {line}" for line in unwritten), file=sys.stderr)
    if unwritten or refused:
        sys.exit(EXIT_INCOMPLETE)


def new_releases() -> list[str]:
    """Add new releases to the list, or to a clone; return them."""
    if build.is_clone(UPSTREAM):
        known = releases_on_main(UPSTREAM)
        build.refresh(UPSTREAM)
        return [version for version in releases_on_main(UPSTREAM) if version not in known]
    # Not above: it loads what a clone does without.
    from mfbench.repository.registry import update

    return [release.version for release in update()]


def print_conflicts() -> int:
    """Build what is missing; name each optimisation that does not apply, and return how many.

    They are applied to branch main, and to the newest release if it is another commit.
    """
    refused = build.print_refusals(build.ensure(UPSTREAM))
    for newest in list(releases_on_main(UPSTREAM))[-1:]:
        if (commit := find_commit(UPSTREAM, newest)) != find_commit(UPSTREAM, "main"):
            refused += build.print_refusals(changes_of(UPSTREAM, commit), newest)
    return refused


def measure_missing(machine: str, bench: str | None) -> list[str]:
    """Measure what is missing of new releases and of the series; return the measured commits."""
    from mfbench.measure.asv_command import one_run
    from mfbench.measure.jobs import Request, run_jobs
    from mfbench.measure.missing import missing_jobs
    from mfbench.measure.releases import newer_releases, release_jobs
    from mfbench.measure.selection import select
    from mfbench.measure.series import series_jobs
    from mfbench.results.benchmarks import discover

    benchmarks = discover()
    cases = select(benchmarks, "thorough", pattern=bench)
    request = Request(machine, benchmarks, frozenset(cases))
    releases = release_jobs(request, newer_releases(request))
    measured = run_jobs(missing_jobs(releases, request), request)
    with one_run():
        return measured + run_jobs(missing_jobs(series_jobs(request), request), request)


def write_documents() -> list[str]:
    """Write what is made from results/; return a line for each document that can't be written."""
    from mfbench.report.report import DOCUMENTS, write_document

    writers: dict[str, Callable[[], None]] = {"records/imports/series.json": write_import_trees}
    writers |= {path.name: partial(write_document, name) for name, path in DOCUMENTS.items()}
    failures = []
    for name, write in writers.items():
        try:
            write()
        except (Failure, OSError) as failure:
            failures.append(f"{name} stays as it was: {failure}")
    return failures


def write_import_trees() -> None:
    """Time the imports of the newest release and of the series, unless that is done."""
    from mfbench.explain.kept_imports import SERIES, is_of, keep

    if not is_of(SERIES, UPSTREAM, ("main", "optimized")):
        keep(SERIES, UPSTREAM, ("main", "optimized"))
