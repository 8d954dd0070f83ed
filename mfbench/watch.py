"""`mfbench watch`: which new release changed what, confirmed, attributed and told once."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain, count, pairwise
from pathlib import Path

import click

from mfbench.explain.bisect import differs_in_value, first_changed
from mfbench.explain.confirmed import (
    compared_counts,
    counted_changes,
    is_counted,
    timed_changes,
)
from mfbench.foundation.errors import Failure, NothingMeasured
from mfbench.foundation.files import write_text
from mfbench.foundation.git_command import git
from mfbench.foundation.options import bench_option, machine_option, rounds_option
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.measure.jobs import Request
from mfbench.report.changes_text import change_line, issue_text
from mfbench.report.history import IMPORT, MODULES, NOT_TIMED, reasons
from mfbench.repository.build import is_clone, require
from mfbench.repository.releases import releases_on_main
from mfbench.repository.series import find_commit
from mfbench.results.benchmarks import discover
from mfbench.results.changes import (
    ACKNOWLEDGED,
    COUNTED,
    FIXED,
    OPEN,
    TIMED,
    Change,
    Changes,
    read_changes,
    write_confirmed_changes,
)
from mfbench.results.machines import ensure_machine, this_machine
from mfbench.results.reader import files_of, pythons_of
from mfbench.verdict.rows import Comparison
from mfbench.verdict.verdict import Verdict, judge_count

REGRESSION = 1


@click.command()
@machine_option
@click.option("--since", metavar="VERSION", help="Judge the releases after this one.")
@click.option("--counts", is_flag=True, help="Judge what is counted only, and measure nothing.")
@click.option(
    "--issues",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write an issue's text for each release with a new regression.",
)
@click.option("--acknowledge", metavar="VERSION", help="Accept this release's open changes.")
@click.option("--reason", metavar="TEXT", help="With --acknowledge: why they are accepted.")
@bench_option
@rounds_option()
def command(
    machine: str | None,
    since: str | None,
    counts: bool,
    issues: Path | None,
    acknowledge: str | None,
    reason: str | None,
    bench: str | None,
    rounds: int | None,
) -> None:
    """Judge new releases against those before them, and record what they changed.

    Run it after mfbench update. Counts repeat, so the results in results/ are compared. Times are
    measured anew: both releases and a control in one run, with the quick profile. Cases that
    changed are measured again in a second run, and recorded only if they changed the same way.
    These runs leave what is published as it is.

    Each change of more than 2% becomes one entry of records/changes.json, with its cause where
    that can be measured: import trees, or in a clone of metaflow's own repository the first commit
    with the change. Here a regression is any case that takes longer or counts more: modules,
    requests and sizes, too. It is open until a later release takes it back (fixed), or you give a
    reason: --acknowledge VERSION --reason TEXT. --bench restricts what is judged or acknowledged.

    Without --since, it goes on after the last release that this machine judged; the first time, it
    judges the newest one. A run with --counts or --bench does not count as the whole judgement.

    Exit codes: 0 no new regression; 1 a new regression; 2 fewer than two releases were measured; 3
    an error.
    """
    if bool(acknowledge) != bool(reason):
        raise click.UsageError("--acknowledge and --reason belong together")
    require(UPSTREAM)
    known = read_changes()
    if acknowledge and reason:
        return acknowledge_changes(known, machine, acknowledge, reason, bench or "")
    name = (machine or this_machine()) if counts else ensure_machine(machine)
    request = Request(name, discover(), frozenset(), rounds)
    if counts:
        request = replace(request, python=next(iter(pythons_of(RESULTS / name)), ""))
    marks = known.judged.get(name, {})
    before = len(known.found)
    for step in steps_to_judge(request, marks.get(COUNTED if counts else TIMED), since):
        known = judge_step(known, request, step, counts, bench)
        write_confirmed_changes(known)
    new = known.found[before:]
    if not new:
        click.echo("no new change")
    if issues:
        known = write_issue_texts(known, issues)
        write_confirmed_changes(known)
    if any(each.state == OPEN for each in new):
        sys.exit(REGRESSION)


def acknowledge_changes(
    known: Changes, machine: str | None, release: str, reason: str, bench: str
) -> None:
    """Give open changes of a release a reason, and write that."""
    chosen = [
        each.key
        for each in known.found
        if each.head == release
        and each.state == OPEN
        and machine in (None, each.machine)
        and re.search(bench, each.case)
    ]
    if not chosen:
        raise Failure(f"no open change of {release} matches; records/changes.json lists all")
    decided = [
        replace(each, state=ACKNOWLEDGED, reason=reason) if each.key in chosen else each
        for each in known.found
    ]
    write_confirmed_changes(Changes(known.judged, decided))
    click.echo(f"acknowledged in {release}: {len(chosen)}")


def steps_to_judge(
    request: Request, judged: str | None, since: str | None
) -> list[tuple[str, str]]:
    """Return the pairs of neighbouring commits that are still to be judged, oldest first.

    They are releases that the machine measured, and in a clone the newest commit of main.
    """
    upstream = request.upstream
    names = {find_commit(upstream, name): name for name in releases_on_main(upstream)}
    if is_clone(upstream):
        # The night's newest commit, and that of an earlier night.
        for commit in (find_commit(upstream, "main"), judged):
            if commit:
                names.setdefault(commit, commit[:8])
    begin = find_commit(upstream, since) if since else judged
    folder = request.results / request.machine
    order = git(upstream, "rev-list", "--reverse", "--topo-order", "main").split()
    measured = [c for c in order if c in names and files_of(folder, c, request.python)]
    if len(measured) < 2:
        python = f" with Python {request.python}" if request.python else ""
        what_to_do = "measure them with: mfbench run --releases"
        raise NothingMeasured(
            f"{request.machine} measured fewer than two releases{python}; {what_to_do}"
        )
    if since and begin not in measured:
        raise Failure(f"{request.machine} has no results of {since}; name a measured release")
    first = measured.index(begin) if begin in measured else max(0, len(measured) - 2)
    return [(names[one], names[other]) for one, other in pairwise(measured[first:])]


def judge_step(
    known: Changes, request: Request, names: tuple[str, str], counts: bool, bench: str | None
) -> Changes:
    """Judge a commit against the one before it; print and add what is new."""
    commits = [find_commit(request.upstream, name) for name in names]
    step = compared_counts(request, names, commits, bench or "")
    found = counted_changes(step, request)
    if not counts:
        found += timed_changes(request, names, commits, bench or "")
    keys = {each.key for each in known.found}
    new = [each for each in found if each.key not in keys]
    new = [replace(each, cause=cause_of(each, step, request, not counts)) for each in new]
    for each in new:
        click.echo(change_line(each))
    earlier = set(git(request.upstream, "rev-list", commits[1]).split()) - {commits[1]}
    kept = [
        after_release(each, step)
        if each.commit in earlier and each.machine == request.machine
        else each
        for each in known.found
    ]
    marks = dict(known.judged.get(request.machine, {}))
    if not any(is_counted(row.case, request) for row in step.measured):
        reason = next((row.reason for row in step.rows if row.reason), "nothing was counted")
        click.echo(f"{names[1]}: no count can be compared with {names[0]}: {reason}")
    elif bench is None:
        marks |= dict.fromkeys([COUNTED] if counts else [COUNTED, TIMED], commits[1])
    return Changes({**known.judged, request.machine: marks}, [*kept, *new])


def cause_of(change: Change, step: Comparison, request: Request, may_measure: bool) -> str:
    """Return what was measured as a change's cause; empty where nothing was."""
    told = []
    if change.case in (str(IMPORT), str(MODULES)):
        told = [each for each in reasons(step, request.upstream, may_measure) if each != NOT_TIMED]
    between = f"{step.base.commit}..{step.head.commit}"
    commits = git(request.upstream, "rev-list", "--reverse", "--first-parent", between).split()
    if change.evidence == COUNTED and len(commits) > 1 and may_measure:
        case = next(row.case for row in step.rows if str(row.case) == change.case)
        alone = replace(request, cases=frozenset([case]), rounds=None)
        differs = partial(differs_in_value, case, alone, step.base.commit)
        # A search that finds nothing must not lose what was judged.
        with suppress(Failure):
            *_, found = first_changed(commits, differs)
            title = git(request.upstream, "log", "-1", "--format=%h %s", found)
            told.append(f"The first commit with it is {title}.")
    return " ".join(told)


def after_release(change: Change, step: Comparison) -> Change:
    """Return a change, marked as fixed if a later release took it back."""
    measured = next((m for case, m in step.head.cases.items() if str(case) == change.case), None)
    alike = (
        measured is not None
        and measured.version == change.version
        and step.head.environment == change.environment
    )
    if change.state not in (OPEN, ACKNOWLEDGED) or change.evidence == TIMED or not alike:
        return change
    row = step.row(change.case)
    if not measured or not measured.is_known or row is None or row.failed:
        return change
    if change.evidence == COUNTED:
        verdict, _ = judge_count(change.before, measured.value, None, change.unit)
        if verdict is Verdict.SLOWER:
            return change
    reasons = filter(None, (f"by {step.head.name}", change.reason))
    return replace(change, state=FIXED, reason="; ".join(reasons))


def write_issue_texts(known: Changes, folder: Path) -> Changes:
    """Write the text of an issue for each release with open changes that have none."""
    waiting: dict[tuple[str, str], list[Change]] = {}
    for each in known.found:
        if each.state == OPEN and not each.has_issue_text:
            waiting.setdefault((each.head, each.machine), []).append(each)
    for names, changes in waiting.items():
        # A text that is there may be waiting for somebody.
        numbers = chain([""], (f"-{number}" for number in count(2)))
        paths = (folder / f"{'-'.join(names)}{number}.md" for number in numbers)
        path = next(each for each in paths if not each.exists())
        write_text(path, issue_text(changes))
        click.echo(f"wrote the text of an issue: {path}")
    keys = {each.key for changes in waiting.values() for each in changes}
    marked = [
        replace(each, has_issue_text=True) if each.key in keys else each for each in known.found
    ]
    return Changes(known.judged, marked)
