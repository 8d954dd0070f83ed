"""What users wait for, before and after the optimisations: README's table and docs/pythons.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from mfbench.foundation.errors import Failure, NothingMeasured
from mfbench.foundation.files import read_object
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RECORDS
from mfbench.report.words import change_text, markdown_table, noise_text, speed_up_text, value_text
from mfbench.repository.series import find_commit
from mfbench.results.machines import fullest, machines_with
from mfbench.results.reader import pythons_of, read_sides
from mfbench.verdict.revisions import compare_revisions
from mfbench.verdict.rows import UNKNOWN, Row

HEADER = ("what", "before", "after", "speed-up", "noise of the control")
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
SIDES = ("main", "optimized")
PYTHONS_TITLE = "# metaflow by Python version\n\n"
PYTHONS_COMMAND = "`mfbench run --pythons 3.10,3.11,3.12,3.13`"
# What a person calls a case, and asv's name of it.
ROWS = {
    "`import metaflow`": "imports.Import.timeraw_metaflow",
    "`flow.py run` of two steps": "flows.Run.time_hello",
    "the same with a metadata service, 20 ms away": "service.Running.time_run(hello)",
    "the same with S3, 20 ms away": "s3runs.Run.time_run(hello)",
    "data of 50 tasks, from the service": "service.Reading.time_read(data of 50 tasks)",
    "saving 8 MB of float64": "artifacts.Save.time_save(float64-8MB)",
}


def machine_of_tables(results: Path, upstream: Path) -> str:
    """Return the machine that measured both; of several, the one that measured most commits.

    A machine that measured all rows of the table comes before one that did not.
    """
    commits = [find_commit(upstream, name) for name in SIDES]
    measured = machines_with(results, commits)
    if not measured:
        what = " and ".join(SIDES)
        raise NothingMeasured(f"no machine measured {what}; measure with: mfbench run --series")
    complete = [each for each in measured if _has_rows(results, each, commits)]
    return fullest(results, complete or measured)


def _has_rows(results: Path, machine: str, commits: Sequence[str]) -> bool:
    found = (
        {str(case) for case, measured in side.cases.items() if measured.is_known}
        for commit in commits
        for side in read_sides(results, machine, commit, commit)
    )
    return all(known.issuperset(ROWS.values()) for known in found)


def readme_table(results: Path, upstream: Path, machine: str | None = None) -> str:
    """Make the table, and a line that says what was compared, as markdown."""
    chosen = machine or machine_of_tables(results, upstream)
    comparison = compare_revisions(results, upstream, SIDES, chosen, every_run=True)
    found, rows = [], []
    for label, name in ROWS.items():
        row = comparison.row(name)
        if row is None or row.verdict in UNKNOWN:
            reason = row.reason if row else "not measured"
            raise NothingMeasured(f"{name}: {reason}; measure it with: mfbench run --series")
        values = [value_text(value, row.unit) for value in (row.before, row.after)]
        found.append(row)
        rows.append([label, *values, speed_up_text(row), noise_text(row)])
    base, head = comparison.base.commit, comparison.head.commit
    release = git(upstream, "log", "-1", "--format=%s", base)
    return (
        f"{markdown_table(HEADER, rows)}\n"
        f"Before: {release} (`{base[:8]}`). After: branch `optimized` (`{head[:8]}`). Machine: "
        f"`{chosen}`. {processes_text(found)}\n"
    )


def processes_text(rows: Iterable[Row | None]) -> str:
    """Say what the times of some rows are, and of how many processes."""
    counts = {row.evidence.processes for row in rows if row and row.evidence}
    if not counts:
        return "No row has enough samples for an interval."
    ends = " to ".join(str(count) for count in sorted({min(counts), max(counts)}))
    return f"Times are medians of {ends} processes; in brackets the 95% confidence interval."


def pythons_page(results: Path, upstream: Path, machine: str | None = None) -> str:
    """Make docs/pythons.md, of the machine that measured both sides with the most Pythons."""
    commits = [find_commit(upstream, name) for name in SIDES]
    measured = {
        name: [
            python
            for python in sorted(pythons_of(results / name))
            if name in machines_with(results, commits, python)
        ]
        for name in ([machine] if machine else machines_with(results, commits))
    }
    most = max(map(len, measured.values()), default=0)
    if not most:
        where = f" on `{machine}`" if machine else ""
        said = f"`main` and `optimized` were not measured{where} yet; {PYTHONS_COMMAND} does."
        return f"{PYTHONS_TITLE}{said}\n"
    chosen = fullest(results, [name for name, found in measured.items() if len(found) == most])
    compared = [
        compare_revisions(results, upstream, SIDES, chosen, every_run=True, python=python)
        for python in measured[chosen]
    ]
    rows = []
    for label, name in ROWS.items():
        found = [each.row(name) for each in compared]
        rows.append([label, *(f"{change_text(row)}<br>{speed_up_text(row)}" for row in found)])
    path = results.parent / RECORDS.name / "pythons" / f"{chosen}.json"
    skipped = read_object(path) if path.exists() else {}
    said = "".join(f"\nPython {each} was skipped: {reason}.\n" for each, reason in skipped.items())
    header = ["what", *(f"Python {python}" for python in measured[chosen])]
    base, head = (commit[:8] for commit in commits)
    return f"""{PYTHONS_TITLE}Before: branch `main` (`{base}`).
After: branch `optimized` (`{head}`). Machine: `{chosen}`.
{processes_text(each.row(name) for each in compared for name in ROWS.values())}

{markdown_table(header, rows)}{said}
Each Python has its own environment, control and comparison. Compare the ratios of different
Pythons, not their times, which were measured at different moments.
{PYTHONS_COMMAND} measures them, and
`mfbench report pythons --write` makes this page.
"""


def replace_table(readme: str, made: str) -> str:
    """Return a README with its table replaced."""
    head, found, rest = readme.partition(BEGIN)
    _, closed, tail = rest.partition(END)
    if not (found and closed):
        raise Failure("README.md lacks the two lines that mark the table; restore it with git")
    return head + BEGIN + made + END + tail
