"""The measured gain of each optimisation, alone and in the series, and its added lines."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mfbench.foundation.errors import NothingMeasured
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import RESULTS
from mfbench.report.content_tables import cases_beside
from mfbench.report.readme_table import machine_of_tables
from mfbench.report.words import change_text, speed_up_text
from mfbench.repository.series import SeriesCommit, read_pulls, read_series
from mfbench.results.benchmarks import Benchmark, read_benchmarks
from mfbench.results.reader import Case
from mfbench.verdict.comparison import with_verdicts
from mfbench.verdict.revisions import compare_revisions
from mfbench.verdict.rows import UNKNOWN, Comparison, Row
from mfbench.verdict.verdict import MOVED
from optimizations import SERIES
from optimizations.edits import Claim, Optimization


@dataclass(frozen=True)
class Pull:
    """One optimisation as a pull request: its commit, what was measured, and its size.

    Attributes
    ----------
    optimization : Optimization
        What its module says.
    commit : str
        The commit of pr/NAME; "" where it does not apply to the newest release.
    rows : mapping of str to Row
        Its claims at that commit and the commit below, by case; what was not measured is missing.
    in_series : Row or None
        Its headline at its commit of branch optimized and the commit below.
    added, new_modules : int
        Added lines of metaflow's code, and modules among the files that it adds.
    """

    optimization: Optimization
    commit: str = ""
    rows: Mapping[str, Row] = field(default_factory=dict)
    in_series: Row | None = None
    added: int = 0
    new_modules: int = 0

    @property
    def title(self) -> str:
        """Its name and commit, in markdown."""
        commit = f"`{self.commit[:8]}`" if self.commit else "does not apply"
        return f"`{self.optimization.name}` ({commit})"

    @property
    def alone(self) -> Row | None:
        """Its headline at its commit and the commit below."""
        claims = self.optimization.claims
        return self.rows.get(claims[0].case) if claims else None

    @property
    def saved_per_line(self) -> float | None:
        """The share of its headline that it saves, divided by its added lines.

        None if no change was measured.
        """
        row = self.alone
        if row is None or row.verdict not in MOVED or not row.ratio or not self.added:
            return None
        return (1 - 1 / row.ratio) / self.added


def read_all(results: Path, upstream: Path, machine: str | None) -> list[Pull]:
    """Return all optimisations; without rows where there is no machine."""
    benchmarks = read_benchmarks(results) if machine else {}
    alone, in_series = (
        {commit.name: commit for commit in read(upstream)} for read in (read_pulls, read_series)
    )

    def rows(commit: SeriesCommit | None, *claims: Claim) -> dict[str, Row]:
        """Correct P-values for these claims only: few processes can't stand out among all cases."""
        if commit is None or machine is None or not claims:
            return {}
        pair = (commit.below, commit.hash)
        names = [each[:8] for each in pair]
        cases = {Case.parse(case) for each in claims for case in (each.case, each.against) if case}
        compared = compare_revisions(
            results, upstream, names, machine, every_run=True, cases=cases, commits=pair
        )
        found = [claimed_row(claim, compared, benchmarks) for claim in claims]
        return {str(row.case): row for row in with_verdicts([row for row in found if row])}

    pulls = []
    for each in SERIES:
        if commit := alone.get(each.name):
            headline = rows(in_series.get(each.name), *each.claims[:1])
            size = added_lines_and_modules(upstream, commit)
            found = (rows(commit, *each.claims), next(iter(headline.values()), None))
            pulls.append(Pull(each, commit.hash, *found, *size))
        else:
            pulls.append(Pull(each))
    return pulls


def added_lines_and_modules(upstream: Path, commit: SeriesCommit) -> tuple[int, int]:
    """Return how many lines of metaflow's code a commit adds, and how many modules."""
    options = ("diff-tree", "-r", "--numstat", "--summary", commit.below, commit.hash)
    output = git(upstream, *options, "--", "metaflow")
    lines = re.findall(r"^(\d+)\t\d+\t", output, re.MULTILINE)
    return sum(map(int, lines)), len(re.findall(r"^ create mode", output, re.MULTILINE))


def claimed_row(
    claim: Claim, comparison: Comparison, benchmarks: Mapping[str, Benchmark]
) -> Row | None:
    """Compare a claimed case between two commits, or with a setting off and on."""
    if claim.against is not None:
        pairs = {claim.against: claim.case}
        comparison = cases_beside(comparison.head, pairs, benchmarks)
    return comparison.row(claim.case)


def measured_effects(upstream: Path) -> dict[str, list[str]]:
    """Return what each optimisation did to the newest release: a line for each case it claims."""
    try:
        machine = machine_of_tables(RESULTS, upstream)
    except NothingMeasured:
        return {}
    return {
        pull.optimization.name: [
            # Commit messages are plain text.
            re.sub("[`*]", "", f"{claim.label}: {change_text(row)}, {speed_up_text(row)}")
            for claim in pull.optimization.claims
            if (row := pull.rows.get(claim.case)) and row.verdict not in UNKNOWN
        ]
        for pull in read_all(RESULTS, upstream, machine)
    }
