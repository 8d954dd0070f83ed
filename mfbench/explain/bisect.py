"""The command ``mfbench explain commit``: find the commit that changed a case."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import click

from mfbench.asv_plugin import THIS_PYTHON
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git
from mfbench.foundation.options import machine_option
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.measure.jobs import Request, jobs_for, run_jobs
from mfbench.measure.selection import cases_of
from mfbench.repository.build import ensure
from mfbench.repository.control import write_control
from mfbench.repository.series import find_commit
from mfbench.results.benchmarks import Benchmark, read_benchmarks
from mfbench.results.machines import ensure_machine
from mfbench.results.reader import Case, Measurement, read_sides
from mfbench.verdict.revisions import compare_revisions
from mfbench.verdict.rows import UNKNOWN
from mfbench.verdict.verdict import MOVED, Verdict, judge_count

ROUNDS = (8, 16, 32, 64)


@click.command()
@click.option("--good", required=True, metavar="COMMIT", help="A commit before the change.")
@click.option("--bad", required=True, metavar="COMMIT", help="A commit after the change.")
@click.option(
    "--bench", "name", required=True, metavar="CASE", help="asv's name of a case, or a part of it."
)
@machine_option
@click.option("--by-time", is_flag=True, help="Decide by time even where instructions are counted.")
def command(good: str, bad: str, name: str, machine: str | None, by_time: bool) -> None:
    """Find the commit that changed a case.

    Measures --bad first, then commits between --good and --bad; each measured commit halves the
    number of suspects. Where the instructions of the case are counted, one count per commit
    decides. Else, or with --by-time, each commit is measured together with the good one and a
    control, in 8 rounds; then in 16, 32 or 64, until the verdict is clear. Commits that cannot be
    measured are skipped.
    """
    ensure(UPSTREAM)
    first, last = (find_commit(UPSTREAM, revision) for revision in (good, bad))
    commits = commits_between(first, last)
    benchmarks = read_benchmarks(RESULTS)
    case = find_case(name, benchmarks)
    decisive = case if by_time else counted_case(case, benchmarks)
    click.echo(f"deciding by {decisive}")
    request = Request(ensure_machine(machine), benchmarks, frozenset([decisive]))
    differs = differs_in_value if benchmarks[decisive.benchmark].repeats else differs_in_time
    *unmeasured, found = first_changed(commits, partial(differs, decisive, request, first))
    click.echo(f"\n{case} changed with {git(UPSTREAM, 'log', '-1', '--format=%h %s', found)}")
    for commit in unmeasured:
        click.echo(f"or with {commit[:8]}, which cannot be measured")


def commits_between(good: str, bad: str) -> list[str]:
    """Return the commits after `good` up to `bad`, oldest first."""
    commits = git(UPSTREAM, "rev-list", "--reverse", "--first-parent", f"{good}..{bad}").split()
    if not commits or git(UPSTREAM, "merge-base", good, bad) != good:
        raise Failure("the good commit must be an ancestor of the bad one; swap or change them")
    return commits


def find_case(name: str, benchmarks: Mapping[str, Benchmark]) -> Case:
    """Return the case with a name as asv writes it, or the only one whose name contains it."""
    cases = {str(case): case for case in cases_of(benchmarks)}
    wanted = name.replace("'", "")
    close = [wanted] if wanted in cases else [each for each in cases if wanted in each]
    if len(close) != 1:
        few = "; ".join(close[:4]) or "those that mfbench compare main HEAD --all lists"
        raise Failure(f"{len(close)} cases' names contain {name!r}; name one of {few}")
    return cases[close[0]]


def counted_case(case: Case, benchmarks: Mapping[str, Benchmark]) -> Case:
    """Return the case that counts the instructions of a timed one; the case itself without one."""
    witness = benchmarks[case.benchmark].witness_of(case)
    is_counted = witness in cases_of(benchmarks) and shutil.which("valgrind")
    return witness if witness and is_counted else case


def first_changed(commits: Sequence[str], is_changed: Callable[[str], bool | None]) -> list[str]:
    """Search commits, oldest first, for the first that is changed.

    `is_changed` returns None for a commit that cannot be measured. The result ends with the first
    changed commit; those that cannot be measured just before it come before it.
    """
    if not is_changed(commits[-1]):
        raise Failure("the bad commit is as the good one, or can't be measured; name other commits")
    suspects, unmeasured = list(commits), set[str]()
    while unknown := [each for each in suspects[:-1] if each not in unmeasured]:
        middle = unknown[len(unknown) // 2]
        after = suspects.index(middle) + 1
        changed = is_changed(middle)
        if changed is None:
            unmeasured.add(middle)
        else:
            suspects = suspects[:after] if changed else suspects[after:]
    return suspects


def differs_in_value(case: Case, request: Request, good: str, commit: str) -> bool | None:
    """Tell whether a count changed; measure what is missing. None if that fails."""
    pair = (good, commit)
    lacking = [each for each in pair if measurement(request.machine, each, case) is None]
    if lacking:
        measure(lacking, request)
    before, after = (measurement(request.machine, each, case) for each in pair)
    if before is None or after is None:
        return None
    unit = request.benchmarks[case.benchmark].unit
    return judge_count(before.value, after.value, None, unit)[0] is not Verdict.SAME


def measure(commits: Sequence[str], request: Request, rounds: int | None = None) -> None:
    """Measure the cases of a request at some commits, times in rounds that alternate."""
    needed = dict.fromkeys(request.cases, commits)
    run_jobs(jobs_for("measuring", needed, request, rounds), request)


def measurement(machine: str, commit: str, case: Case) -> Measurement | None:
    """Return what was measured of a case with this Python, None where nothing was."""
    for side in read_sides(RESULTS, machine, commit, commit, THIS_PYTHON):
        found = side.cases.get(case)
        if found is not None and found.is_known:
            return found
    return None


def differs_in_time(case: Case, request: Request, good: str, commit: str) -> bool | None:
    """Measure both with a control; tell whether a time changed. None if that fails."""
    control = write_control(UPSTREAM, good)
    for rounds in ROUNDS:
        measure((good, control, commit), request, rounds)
        names = (good, commit)
        # Alone: what else was measured earlier does not count.
        compared = compare_revisions(
            RESULTS, UPSTREAM, names, request.machine, cases=[case], python=THIS_PYTHON
        )
        row = compared.row(str(case))
        if row is None or row.verdict in UNKNOWN:
            return None
        if row.verdict is not Verdict.CANT_TELL:
            return row.verdict in MOVED
    raise Failure(
        f"{commit[:8]} cannot be told from the good commit with {rounds} rounds; "
        "use a quieter machine, or name a case whose instructions are counted"
    )
