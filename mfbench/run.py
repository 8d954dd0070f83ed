"""`mfbench run`: measure, then show what was measured."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from mfbench.foundation.options import bench_option, machine_option, rounds_option, topics_option
from mfbench.foundation.paths import HTML, RESULTS, ROOT, UNCOMMITTED_MACHINE, UPSTREAM
from mfbench.measure.asv_command import asv, one_run
from mfbench.measure.jobs import Job, Request, described, jobs_for, run_jobs, time_text
from mfbench.measure.missing import missing_jobs
from mfbench.measure.profiles import LARGE, PROFILES
from mfbench.measure.pythons import make_environments
from mfbench.measure.releases import release_jobs
from mfbench.measure.selection import left_out, profile_with, select
from mfbench.measure.series import begin_of_series, series_jobs
from mfbench.measure.touched import topics_of_project, touched_topics
from mfbench.repository.build import ensure, require
from mfbench.repository.control import control_of, write_control
from mfbench.repository.releases import minor_releases
from mfbench.repository.series import find_commit
from mfbench.repository.uncommitted import write_changes, write_package
from mfbench.results.benchmarks import discover
from mfbench.results.machines import ensure_machine, this_machine
from mfbench.results.reader import Case

# Lines about what is going to be measured. Each of many releases is named when its turn comes.
MOST_LINES = 20
# Of base and head.
Pair = tuple[str, str]


@click.command()
@click.argument("base", required=False)
@click.argument("head", required=False)
@click.option("--dirty", is_flag=True, help="Measure the uncommitted changes in upstream/ as HEAD.")
@click.option(
    "--tree",
    metavar="PATH",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Measure the package folder of another metaflow as HEAD.",
)
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="quick",
    show_default=True,
    help=f"Which cases, in {', '.join(map(str, PROFILES.values()))} rounds.",
)
@topics_option
@bench_option
@rounds_option()
@machine_option
@click.option("--touched", is_flag=True, help="Only topics that cover a changed file.")
@click.option(
    "--since", metavar="COMMIT", help="With --touched: by what changed in this project since then."
)
@click.option(
    "--regressed", is_flag=True, help="Measure the pair's regressions again, except counts."
)
@click.option(
    "--pythons", metavar="VERSION,...", help="With each of these Pythons, for example 3.10,3.13."
)
@click.option("--large", is_flag=True, help="Only the large cases: gigabytes, wide runs.")
@click.option("--smoke", is_flag=True, help="Take one sample of each case: do they all work?")
@click.option(
    "--series", is_flag=True, help="Measure what is missing of main and the optimisations."
)
@click.option("--releases", is_flag=True, help="Measure what is missing of the releases (hours).")
@click.option("--minors", is_flag=True, help="With --releases: only the last of each minor.")
@click.option("--dry-run", is_flag=True, help="Say what would be measured, and stop.")
@click.option("--publish", is_flag=True, help="Write the site to html/ afterwards.")
def command(
    base: str | None,
    head: str | None,
    dirty: bool,
    tree: Path | None,
    profile: str,
    topics: tuple[str, ...],
    bench: str | None,
    rounds: int | None,
    machine: str | None,
    touched: bool,
    since: str | None,
    regressed: bool,
    pythons: str | None,
    large: bool,
    smoke: bool,
    series: bool,
    releases: bool,
    minors: bool,
    dry_run: bool,
    publish: bool,
) -> None:
    """Measure two commits and their control, and compare them.

    BASE and HEAD are releases, branches or commits of upstream/: main and optimized if not given.
    BASE may be main...my-branch: the commit where my-branch left main. HEAD is then my-branch by
    default.

    Both and the control, which is BASE's code committed once more, alternate round by round; each
    sample is a process of its own. What repeats (instructions, sizes, answers) is measured once.
    Results of an earlier run are overwritten.

    With --series or --releases, BASE and HEAD do not matter: only what results/ lacks for this
    machine is measured, of main, the control and each optimisation (what it claims, alone), or of
    every release. Start them again after an interruption, and they continue. --bench selects from
    all cases but the large ones, whatever the profile; --rounds replaces the profile's number.

    With --touched, only the topics are measured that cover a file of metaflow that differs between
    BASE and HEAD, and all topics if there is a file that no topic names. If the profile has no case
    of them, a larger profile's cases are taken. With --since, it goes by the files of this project
    that were committed since then. With --regressed, only cases that are slower or fail in the
    results so far are measured again, in a run of their own; counts repeat, so they are not. Then
    use mfbench compare --every-run: without it, the new run may be left out.

    With --pythons, this is done with each Python in turn; each has an environment, results and a
    table of its own. A Python is skipped, with the reason, if it is not installed or if a pinned
    package has no wheel for it. mfbench report pythons shows all of them side by side.

    With --large, only the large cases are measured, as often as they declare: they take gigabytes
    and many minutes, and no other run measures them. --bench then selects from these.

    With --dirty or --tree, the results are kept under the machine name "uncommitted", and published
    nowhere. BASE is what is checked out in upstream/ for --dirty, and main for --tree, if not
    given. Only metaflow is taken from PATH; its dependencies are the suite's pinned versions.
    """
    if dirty or tree:
        if head or series or releases or machine or publish or (dirty and tree):
            raise click.UsageError(
                "--dirty and --tree exclude each other, and can't be combined with HEAD, --series, "
                "--releases, --machine or --publish"
            )
        machine = UNCOMMITTED_MACHINE
    elif machine == UNCOMMITTED_MACHINE:
        raise click.UsageError(f"--machine {machine} is kept for --dirty and --tree")
    benchmarks = discover()
    if minors and not releases:
        raise click.UsageError("--minors needs --releases")
    if large and releases:
        raise click.UsageError("--large can't be combined with --releases")
    every = series or releases
    if (touched or regressed) and (every or large or topics or (touched and regressed)):
        raise click.UsageError(
            "--touched and --regressed exclude each other, and can't be combined with --only, "
            "--series, --releases or --large"
        )
    if since and not touched:
        raise click.UsageError("--since needs --touched")
    if pythons and (every or regressed):
        raise click.UsageError(
            "--pythons can't be combined with --series, --releases or --regressed"
        )
    if large:
        profile = LARGE
    elif every:
        profile = "thorough"
    cases = select(benchmarks, profile, topics, bench)
    if large and not dry_run:
        # Without it they skip themselves: benchmarks/support/environment.py reads it.
        os.environ["METAFLOW_BENCHMARKS_LARGE"] = "1"
    (require if dry_run or dirty else ensure)(UPSTREAM)
    name = (machine or this_machine()) if dry_run else ensure_machine(machine)
    request = Request(name, benchmarks, frozenset(cases), 1 if smoke else rounds, smoke)
    if every:
        of_series = series_jobs(request) if series else []
        chosen = minor_releases(UPSTREAM)[::-1] if minors else None
        of_releases = release_jobs(request, chosen) if releases else []
        run_missing(request, of_series, of_releases, dry_run)
    else:
        names, commits = two_sides(base, head, dirty, tree)
        if touched:
            topics = (
                topics_of_project(benchmarks, ROOT, UPSTREAM, since)
                if since
                else touched_topics(benchmarks, UPSTREAM, *commits)
            )
            click.echo(f"touched topics: {', '.join(topics) or 'all'}")
            cases = select(benchmarks, profile_with(benchmarks, profile, topics), topics, bench)
            request = replace(request, cases=frozenset(cases))
        if regressed:
            request = replace(request, cases=regressed_cases(request, names, commits))
            if not request.cases:
                click.echo("no case is slower or fails: nothing to measure again")
                return
        run_pair(request, names, commits, PROFILES.get(profile), dry_run, pythons)
        if not (bench or large or regressed) and (note := left_out(benchmarks, profile, topics)):
            click.echo(note)
    if publish and not dry_run:
        asv("publish")
        click.echo(f"\nsite: {HTML / 'index.html'} (make preview shows it on this machine)")


def two_sides(
    base: str | None, head: str | None, dirty: bool, tree: Path | None
) -> tuple[Pair, Pair]:
    """Return the names of base and head, and their commits."""
    base = base or ("HEAD" if dirty else "main")
    commit = find_commit(UPSTREAM, base)
    if dirty:
        return (base, "uncommitted changes"), (commit, write_changes(UPSTREAM))
    if tree:
        dependencies = "its dependencies are the suite's pinned versions"
        click.echo(f"only metaflow is taken from {tree}; {dependencies}")
        return (base, str(tree)), (commit, write_package(UPSTREAM, commit, tree))
    head = head or base.partition("...")[2] or "optimized"
    return (base, head), (commit, find_commit(UPSTREAM, head))


def regressed_cases(request: Request, names: Pair, commits: Pair) -> frozenset[Case]:
    """Return the cases that are slower or fail; counts would be the same again."""
    from mfbench.verdict.revisions import compare_revisions

    compared = compare_revisions(
        *(request.results, request.upstream, names, request.machine),
        every_run=True,
        commits=commits,
        python=request.python,
    )
    return frozenset(
        row.case for row in compared.rows if row.is_regression and (row.is_timed or row.failed)
    )


def run_pair(
    request: Request,
    names: Pair,
    commits: Pair,
    rounds: int | None,
    dry_run: bool,
    pythons: str | None = None,
) -> None:
    """Measure two commits and their control; print a table of what was measured, and only that.

    `rounds` is None for as many as each benchmark declares. Of several Pythons, each has a table.
    """
    base, head = commits
    control = (control_of if dry_run else write_control)(UPSTREAM, base)
    every = tuple(dict.fromkeys((base, control, head)))
    needed = dict.fromkeys(sorted(request.cases), every)
    jobs = jobs_for("base, control and head", needed, request, rounds)
    sides = f"{names[0]} ({base[:8]}), its control and {names[1]} ({head[:8]})"
    click.echo(f"{sides} on machine {request.machine}")
    versions = list(dict.fromkeys(re.findall(r"[^,\s]+", pythons or request.python)))
    announce(jobs * len(versions), request)
    if dry_run:
        return
    with one_run():
        if pythons:
            versions = make_environments(versions, request.machine)
        for python in versions:
            run_jobs(jobs, replace(request, python=python))
    # Not above: loading scipy and rich takes longer than finding out that a name is unknown.
    from mfbench.report.compare import rendered
    from mfbench.verdict.revisions import compare_revisions

    for python in versions:
        compared = compare_revisions(
            *(RESULTS, UPSTREAM, names, request.machine),
            cases=request.cases,
            commits=commits,
            python=python,
        )
        click.echo(f"\nPython {python}:\n" if pythons else "")
        click.echo(rendered(compared, "text", everything=True, to_file=False), nl=False)
    if request.machine == UNCOMMITTED_MACHINE:
        sides = f"{base[:8]} {head[:8]}"
        click.echo(f"to see it again: mfbench compare --machine {request.machine} {sides}")


def run_missing(
    request: Request, of_series: Sequence[Job], of_releases: Sequence[Job], dry_run: bool
) -> None:
    """Measure what is missing of the series, the releases or both; say what that is."""
    left = list(missing_jobs([*of_series, *of_releases], request))
    if not left:
        click.echo(f"nothing is missing on machine {request.machine}")
        return
    announce(left, request)
    if not dry_run:
        with one_run(begin_of_series(request) if of_series else None):
            measured = run_jobs(missing_jobs(of_series, request), request)
        measured += run_jobs(missing_jobs(of_releases, request), request)
        click.echo(f"{len(set(measured))} commits measured")


def announce(jobs: Sequence[Job], request: Request) -> None:
    """Say what jobs measure, and how long each of them and all together take."""
    for job in jobs[:MOST_LINES]:
        click.echo(described(job, request))
    if len(jobs) > MOST_LINES:
        click.echo(f"and {len(jobs) - MOST_LINES} more")
    click.echo(f"in all: {time_text(jobs, request)}")
