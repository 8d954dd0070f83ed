"""`mfbench run` and `mfbench explain startup`: measure, then show what was measured."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from mfbench.foundation.errors import Failure
from mfbench.foundation.options import bench_option, machine_option, rounds_option, topics_option
from mfbench.foundation.paths import HTML, RECORDS, RESULTS, UPSTREAM
from mfbench.measure.asv_command import asv
from mfbench.measure.jobs import Job, Request, described, jobs_for, run_jobs, time_text
from mfbench.measure.missing import missing_jobs
from mfbench.measure.profiles import PROFILES
from mfbench.measure.releases import release_jobs
from mfbench.measure.selection import left_out, select
from mfbench.measure.series import count_unmeasured, series_jobs
from mfbench.repository.build import ensure, require
from mfbench.repository.control import control_of, write_control
from mfbench.repository.series import find_commit
from mfbench.results.benchmarks import discover
from mfbench.results.machines import ensure_machine, this_machine

# Lines about what is going to be measured. Each of many releases is named when its turn comes.
MOST_LINES = 20


@click.command()
@click.argument("base", default="main")
@click.argument("head", default="optimized")
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="quick",
    show_default=True,
    help="Which cases, in 5, 24 or 40 rounds.",
)
@topics_option
@bench_option
@rounds_option()
@machine_option
@click.option("--smoke", is_flag=True, help="Take one sample of each case: do they all work?")
@click.option(
    "--series", is_flag=True, help="Measure what is missing of main and the optimisations."
)
@click.option("--releases", is_flag=True, help="Measure what is missing of the releases (hours).")
@click.option("--dry-run", is_flag=True, help="Say what would be measured, and stop.")
@click.option("--publish", is_flag=True, help="Write the site to html/ afterwards.")
def command(
    base: str,
    head: str,
    profile: str,
    topics: tuple[str, ...],
    bench: str | None,
    rounds: int | None,
    machine: str | None,
    smoke: bool,
    series: bool,
    releases: bool,
    dry_run: bool,
    publish: bool,
) -> None:
    """Measure two commits and their control, and compare them.

    BASE and HEAD are releases, branches or commits of upstream/: main and optimized if not given.
    They and the control, which is BASE's code committed once more, alternate round by round; each
    sample is a process of its own. What repeats (instructions, sizes, answers) is measured once.
    Results of an earlier run are overwritten.

    With --series or --releases, BASE and HEAD do not matter: only what results/ lacks for this
    machine is measured, of main, the control and each optimisation, or of every release. Start them
    again after an interruption, and they continue. --bench selects from all cases, whatever the
    profile; --rounds replaces the profile's number.
    """
    benchmarks = discover()
    every = series or releases
    cases = select(benchmarks, "thorough" if every else profile, topics, bench)
    (require if dry_run else ensure)(UPSTREAM)
    name = (machine or this_machine()) if dry_run else ensure_machine(machine)
    request = Request(name, benchmarks, frozenset(cases), 1 if smoke else rounds, smoke)
    if every:
        run_missing(request, series, releases, dry_run)
    else:
        run_pair(request, (base, head), PROFILES[profile], dry_run)
        if not bench and (note := left_out(benchmarks, profile, topics)):
            click.echo(note)
    if publish and not dry_run:
        count_unmeasured(request)
        asv("publish")
        click.echo(f"\nsite: {HTML / 'index.html'} (make preview shows it on this machine)")


def run_pair(request: Request, names: tuple[str, str], rounds: int, dry_run: bool) -> None:
    """Measure two commits and their control; print a table of what was measured, and only that."""
    base, head = (find_commit(UPSTREAM, name) for name in names)
    control = (control_of if dry_run else write_control)(UPSTREAM, base)
    commits = list(dict.fromkeys((base, control, head)))
    needed = dict.fromkeys(sorted(request.cases), commits)
    jobs = jobs_for("base, control and head", needed, request, rounds)
    sides = f"{names[0]} ({base[:8]}), its control and {names[1]} ({head[:8]})"
    click.echo(f"{sides} on machine {request.machine}")
    announce(jobs, request)
    if dry_run:
        return
    run_jobs(jobs, request)
    # Not above: loading scipy and rich takes longer than finding out that a name is unknown.
    from mfbench.report.compare import rendered
    from mfbench.verdict.comparison import with_verdicts
    from mfbench.verdict.revisions import compare_revisions

    compared = compare_revisions(RESULTS, UPSTREAM, names, request.machine)
    rows = with_verdicts([row for row in compared.rows if row.case in request.cases])
    compared = replace(compared, rows=tuple(rows), startup=())
    click.echo("\n" + rendered(compared, "text", everything=True, to_file=False), nl=False)


def run_missing(request: Request, series: bool, releases: bool, dry_run: bool) -> None:
    """Measure what is missing of the series, the releases or both; say what that is."""
    jobs = series_jobs(request) if series else []
    jobs += release_jobs(request) if releases else []
    left = list(missing_jobs(jobs, request))
    if not left:
        click.echo(f"nothing is missing on machine {request.machine}")
        return
    announce(left, request)
    if not dry_run:
        click.echo(f"{len(run_jobs(missing_jobs(jobs, request), request))} commits measured")


def announce(jobs: Sequence[Job], request: Request) -> None:
    """Say what jobs measure, and how long each of them and all together take."""
    for job in jobs[:MOST_LINES]:
        click.echo(described(job, request))
    if len(jobs) > MOST_LINES:
        click.echo(f"and {len(jobs) - MOST_LINES} more")
    click.echo(f"in all: {time_text(jobs, request)}")


@click.command()
@click.argument("base")
@click.argument("head")
@click.option(
    "--only", metavar="NAME,...", help="Only some of: python, import, cli, help, show, run."
)
@rounds_option(10)
@click.option(
    "--output",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    default=RECORDS,
    help="Keep the times in its folder pyperf/ (default: records/).",
)
def startup_command(base: str, head: str, only: str | None, rounds: int, output: Path) -> None:
    """Time the start-up of real commands at two commits with pyperf.

    BASE and HEAD are releases, branches or commits of upstream/. Each has an environment of its
    own; they alternate, process by process. Starting plain Python is the control. The times are
    kept in pyperf's own files, which python -m pyperf compare_to, stats, hist and metadata read;
    another run of the same pair replaces them.
    """
    ensure(UPSTREAM)
    commits = (find_commit(UPSTREAM, base), find_commit(UPSTREAM, head))
    if commits[0] == commits[1]:
        raise Failure(f"{base} and {head} are the same commit; name two")
    # Not above: importing benchmarks takes settings out of this process's environment.
    from mfbench.measure.startup import COMMANDS, measure_startup
    from mfbench.report.comparison_text import startup_text
    from mfbench.results.startup_times import files_of, folder_of
    from mfbench.verdict.startup import startup_rows

    names = only.split(",") if only else list(COMMANDS)
    if unknown := [name for name in names if name not in COMMANDS]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(COMMANDS)}")
    machine = this_machine()
    folder = folder_of(output, machine, *commits)
    measure_startup(commits, names, rounds, folder)
    width = shutil.get_terminal_size((160, 24)).columns
    click.echo(startup_text(startup_rows(output, machine, *commits), width), nl=False)
    files = shlex.join(os.path.relpath(path) for path in files_of(folder))
    click.echo(f"\n.venv/bin/python -m pyperf compare_to {files}")
