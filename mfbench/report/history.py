"""docs/history.md: which release made `import metaflow` slower or faster, and by what.

Counted instructions tell how much changed; import trees tell what. The trees are timed once for
each pair of releases, and kept in records/imports.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mfbench.explain.import_changes import Difference
from mfbench.explain.kept_imports import IMPORTS, is_of, keep, path_of
from mfbench.foundation.errors import NothingMeasured
from mfbench.foundation.files import read_object
from mfbench.foundation.paths import IGNORED_MACHINES
from mfbench.report.words import markdown_table, times_text, value_text
from mfbench.repository.releases import minor_releases, releases_on_main
from mfbench.repository.series import find_commit
from mfbench.results.benchmarks import Benchmark, read_benchmarks
from mfbench.results.machines import this_machine
from mfbench.results.reader import Case, Side, read_sides
from mfbench.verdict.comparison import compare
from mfbench.verdict.rows import COUNT, Comparison, Row
from mfbench.verdict.verdict import MOVED, Verdict, distance_from_one

IMPORT = Case("instructions.Command.track_run", ("import metaflow",))
MODULES = Case("imports.Footprint.track_modules")
UNITS = {IMPORT: COUNT, MODULES: "modules"}
MOST_STEPS = 10
MOST_REASONS = 3
NO_REASON = "No module was added or removed: modules of both releases do more or less than before."
NOT_TIMED = "What changed is not known yet; `mfbench report history --write` finds out."


def history_page(
    results: Path, upstream: Path, machine: str | None = None, time_missing: bool = False
) -> str:
    """Make docs/history.md; with `time_missing`, time the imports that records/ lacks.

    The default machine is the one that measured the most releases of upstream/.
    """
    days = releases_on_main(upstream)
    commits = {version: find_commit(upstream, version) for version in days}
    machine = machine or machine_of_most(results, commits.values())
    counted = {}
    for version, commit in commits.items():
        for side in read_sides(results, machine, version, commit):
            if value_of(side, IMPORT) is not None:
                counted[version] = side
    if len(counted) < 2:
        raise NothingMeasured(
            f"{machine} counted the import of fewer than two releases; run mfbench run --releases"
        )
    benchmarks = read_benchmarks(results)
    sides = list(counted.values())
    ends = compare(sides[0], sides[-1], None, benchmarks)
    steps = biggest_steps(sides, benchmarks)
    sections = [section(step, days, reasons(step, upstream, time_missing)) for step in steps]
    rows = [
        [each, days[each], text_of(counted[each], IMPORT), text_of(counted[each], MODULES)]
        for each in minor_releases(upstream)
        if each in counted
    ]
    lacking = ", ".join(version for version in days if version not in counted)
    gaps = f"No count is known of {lacking}.\n\n" if lacking else ""
    return f"""# The import's history

How much work `import metaflow` does in each release, which releases changed it most, and why.
Work is counted in executed instructions (M: million), which repeat to within 0.01%.

From {ends.base.name} to {ends.head.name} it went from {text_of(ends.base, IMPORT)} to \
{text_of(ends.head, IMPORT)}:
{times_text(import_row(ends))} instructions. The last release of each minor version:

{markdown_table(("release", "uploaded", "instructions", "loads"), rows)}
`mfbench run --releases` counted {len(counted)} of {len(days)} releases on the machine
`{machine}`, all with the same versions of metaflow's dependencies. Which modules were loaded, and
how long they took, is from Python's `-X importtime`, kept in `records/imports`.
`mfbench report history --write` makes this page.

{gaps}## The biggest steps, newest first
{"".join(sections)}"""


def machine_of_most(results: Path, commits: Iterable[str]) -> str:
    """Return the machine that measured the most of some commits; this one if none did any."""
    wanted = {commit[:8] for commit in commits}
    files = (path for path in sorted(results.glob("*/*-*.json")) if path.name[:8] in wanted)
    names = (path.parent.name for path in files)
    found = Counter(name for name in names if name not in IGNORED_MACHINES)
    return max(found, key=found.__getitem__, default=this_machine())


def value_of(side: Side, case: Case) -> float | None:
    """Return what was measured of a release; None where nothing is known."""
    measured = side.cases.get(case)
    return measured.value if measured and measured.is_known else None


def text_of(side: Side, case: Case) -> str:
    """Return what was measured of a release, with its unit."""
    return value_text(value_of(side, case), UNITS[case])


def import_row(step: Comparison) -> Row:
    """Return the row of the import's instructions, or of its modules where nobody counted."""
    rows = {row.case: row for row in step.rows}
    return rows[IMPORT] if IMPORT in rows else rows[MODULES]


def biggest_steps(counted: Sequence[Side], benchmarks: Mapping[str, Benchmark]) -> list[Comparison]:
    """Return what made the import slower or faster most, newest first.

    `counted` holds the releases with a count, oldest first; each is compared with the one before.
    """
    steps = [compare(*pair, None, benchmarks) for pair in itertools.pairwise(counted)]
    moved = [step for step in steps if import_row(step).verdict in MOVED]
    moved.sort(key=lambda step: distance_from_one(import_row(step).ratio or 1), reverse=True)
    return sorted(moved[:MOST_STEPS], key=steps.index, reverse=True)


def section(step: Comparison, days: Mapping[str, str], reasons: Sequence[str]) -> str:
    """Return one step as a section of the document."""
    row = import_row(step)
    listed = "".join(f"- {reason}\n" for reason in reasons)
    return f"""
### {step.head.name} ({days[step.head.name]}): {times_text(row)} instructions

From {text_of(step.base, IMPORT)} in {step.base.name} to {text_of(step.head, IMPORT)}, and from \
{text_of(step.base, MODULES)} to {text_of(step.head, MODULES)}.

{listed}"""


def reasons(
    step: Comparison, upstream: Path, time_missing: bool = False, folder: Path = IMPORTS
) -> list[str]:
    """Say which modules a slower release added, or a faster one removed, the costliest first.

    Modules that grew or shrank are left out: among 600, a few always seem to, by chance.
    """
    versions = (step.base.name, step.head.name)
    path = path_of(*versions, folder)
    if not is_of(path, upstream, versions):
        if not time_missing:
            return [NOT_TIMED]
        # On stderr, because the page may go to stdout.
        print(f"timing the imports of {' and '.join(versions)} (10 s)", file=sys.stderr)
        keep(path, upstream, versions)
    # A share of the slower import stays below 100%.
    read = read_object(path)
    whole_us = max(read[side]["total_us"] for side in ("before", "after"))
    is_slower = import_row(step).verdict is Verdict.SLOWER
    told = []
    for change in kept_differences(step, upstream, folder)[:MOST_REASONS]:
        importer = f"`{change.importer}`" if change.importer else "The program"
        verb = "now imports" if is_slower else "no longer imports"
        share = f"{abs(change.change_us) / whole_us:.1%} of the import's time"
        told.append(f"{importer} {verb} `{change.name}`{change.below_text}: {share}.")
    return told or [NO_REASON]


def kept_differences(step: Comparison, upstream: Path, folder: Path = IMPORTS) -> list[Difference]:
    """Return what a slower release loads in addition, or a faster one no longer, costliest first.

    Empty where the imports of the two were not timed.
    """
    versions = (step.base.name, step.head.name)
    path = path_of(*versions, folder)
    if not is_of(path, upstream, versions):
        return []
    kind = "came" if import_row(step).verdict is Verdict.SLOWER else "left"
    return [Difference(**each) for each in read_object(path)[kind]]
