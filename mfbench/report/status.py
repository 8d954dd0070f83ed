"""STATUS.md: what became of each target of the case study, and what each optimisation changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mfbench.foundation.errors import NothingMeasured
from mfbench.foundation.paths import RESULTS
from mfbench.report.content_tables import cases_beside, content_table, rival_table
from mfbench.report.readme_table import SIDES, machine_of_tables
from mfbench.report.words import change_text, markdown_table, speed_up_text
from mfbench.repository import applicability
from mfbench.repository.releases import minor_releases
from mfbench.repository.series import find_commit, read_series
from mfbench.results.benchmarks import Benchmark, read_benchmarks
from mfbench.verdict.comparison import with_verdicts
from mfbench.verdict.revisions import compare_revisions
from mfbench.verdict.rows import UNKNOWN, Comparison, Row
from mfbench.verdict.targets import Reached, judge_target
from optimizations import SERIES
from optimizations.edits import Claim, Optimization, Target


@dataclass(frozen=True)
class Patch:
    """An optimisation, its commit on the newest release, and the rows that it claims, by name.

    The commit is "" where the optimisation does not apply, and a row is missing where its case was
    not measured.
    """

    optimization: Optimization
    commit: str
    rows: Mapping[str, Row]

    @property
    def title(self) -> str:
        """Its name and commit, in markdown."""
        commit = f"`{self.commit[:8]}`" if self.commit else "does not apply"
        return f"`{self.optimization.name}` ({commit})"


def patches(results: Path, upstream: Path, machine: str) -> list[Patch]:
    """Compare each commit of the series with the one below it.

    An optimisation's claims are judged among themselves: the other cases run the same code, and
    some claims have too few processes to stand out among all.
    """
    benchmarks = read_benchmarks(results)
    commits = {commit.name: commit.hash for commit in read_series(upstream)}
    below = find_commit(upstream, "main")
    found = []
    for optimization in SERIES:
        claimed: list[Row | None] = []
        if commit := commits.get(optimization.name, ""):
            pair = (below[:8], commit[:8])
            comparison = compare_revisions(results, upstream, pair, machine, every_run=True)
            claimed = [claimed_row(claim, comparison, benchmarks) for claim in optimization.claims]
            below = commit
        judged = with_verdicts([row for row in claimed if row])
        found.append(Patch(optimization, commit, {str(row.case): row for row in judged}))
    return found


def claimed_row(
    claim: Claim, comparison: Comparison, benchmarks: Mapping[str, Benchmark]
) -> Row | None:
    """Return what became of a claimed case: in two commits, or with a setting off and on."""
    if claim.against is not None:
        pairs = {claim.against: claim.case}
        comparison = cases_beside(comparison.head, pairs, benchmarks)
    return comparison.row(claim.case)


def status_page(results: Path, upstream: Path, machine: str | None = None) -> str:
    """Make STATUS.md."""
    chosen = machine or machine_of_tables(results, upstream)
    series = patches(results, upstream, chosen)
    whole = compare_revisions(results, upstream, SIDES, chosen, every_run=True)
    outcomes = applicability.outcomes(upstream, minor_releases(upstream))
    shares = {name: share for name, share, *_ in applicability.rows(outcomes)}
    return f"""# The case study's targets

A case study profiled metaflow and named eight targets: things to make faster. Each row says what
it claimed, what one optimisation, as a patch, did to metaflow's newest release, and what did not
hold.

{targets_table(series)}
A row compares the patch's commit with the commit below it, measured in one run on the machine
`{chosen}`. M: million executed instructions, which repeat to within 0.01%. Times are medians; in
brackets the 95% confidence interval of the speed-up. A target is met if the median speed-up
reaches what was wanted: the saving that the case study estimated, or a number of our own where it
estimated none. The [glossary](docs/glossary.md) explains the words.
`mfbench report status --write` makes this page.

## Details

### What each optimisation changes

Every case that an optimisation claims to change, at its commit and at the commit below it. P-values
are corrected for the number of an optimisation's claims, not for all cases. In rows about memory, M
stands for megabytes. "20 small ones" are 20 small artifacts of one step. The last column says to
the last releases of how many minor versions the optimisation applies;
[docs/optimizations.md](docs/optimizations.md) has all releases.

{claims_table(series, shares)}
### Other kinds of content

Saving and loading other content: the newest release compared with all optimisations. Noise: how far
the control, which is identical code, is from the release. [Which content is stored larger or
slower](docs/any-content.md) says more.

{content_table(whole)}
### Beside lz4

Metaflow's pull request 3090 stores artifacts as lz4 frames. This table compares the newest release
with the same release storing such frames ("lz4"), and with all optimisations ("optimised"). Only a
client with that change and the package lz4 reads the frames. Every release since 2.4.9 reads what
the optimisations store (tested from 2.10.4). Where it says "not comparable", the two are from
different runs.

{rival_table(whole, read_benchmarks(results))}"""


def targets_table(series: Sequence[Patch]) -> str:
    """Return a row for each target of the case study."""
    rows = []
    for patch in series:
        if target := patch.optimization.target:
            row = patch.rows.get(target.case)
            labels = {claim.case: claim.label for claim in patch.optimization.claims}
            measured = f"{labels[target.case]}: {change_text(row)}"
            notes = " ".join(filter(None, (missed(row, target), target.finding)))
            cells = (target.name, target.claimed, measured, speed_up_text(row), patch.title, notes)
            rows.append(cells)
    header = ("target", "claimed", "before → after", "speed-up", "patch", "what did not hold")
    return markdown_table(header, rows)


def missed(row: Row | None, target: Target) -> str:
    """Say whether a target is missed, or met by the median alone; empty where all is well."""
    wanted = f"{target.at_least:.3g}×"
    return {
        Reached.NO: f"Missed: {wanted} was wanted.",
        Reached.BY_MEDIAN: f"The median is above the wanted {wanted}, the interval begins below.",
    }.get(judge_target(row, target.at_least), "")


def claims_table(series: Sequence[Patch], shares: Mapping[str, str]) -> str:
    """Return a row for each case that an optimisation claims to change."""
    rows = []
    for patch in series:
        for claim in patch.optimization.claims:
            row, share = patch.rows.get(claim.case), shares[patch.optimization.name]
            rows.append((patch.title, claim.label, change_text(row), speed_up_text(row), share))
    header = ("optimisation", "case", "before → after", "speed-up", "applies to")
    return markdown_table(header, rows)


def measured_effects(upstream: Path) -> dict[str, list[str]]:
    """Return what each optimisation did to the newest release: a line for each case it claims."""
    try:
        machine = machine_of_tables(RESULTS, upstream)
    except NothingMeasured:
        return {}
    found: dict[str, list[str]] = {}
    for patch in patches(RESULTS, upstream, machine):
        lines = found[patch.optimization.name] = []
        for claim in patch.optimization.claims:
            row = patch.rows.get(claim.case)
            if row and row.verdict not in UNKNOWN:
                line = f"{claim.label}: {change_text(row)}, {speed_up_text(row)}"
                # A commit's message is no markdown.
                lines.append(line.replace("`", "").replace("*", ""))
    return found
