"""STATUS.md: what became of each target of the case study, and what each optimisation changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mfbench.report.content_tables import LZ4, ONE_CLIENT, content_table, rival_table
from mfbench.report.pulls import Pull, read_all
from mfbench.report.readme_table import SIDES, machine_of_tables
from mfbench.report.words import change_text, markdown_table, speed_up_text
from mfbench.repository import applicability
from mfbench.results.benchmarks import read_benchmarks
from mfbench.verdict.revisions import compare_revisions
from mfbench.verdict.targets import missed


def status_page(results: Path, upstream: Path, machine: str | None = None) -> str:
    """Make STATUS.md."""
    chosen = machine or machine_of_tables(results, upstream)
    pulls = read_all(results, upstream, chosen)
    whole = compare_revisions(results, upstream, SIDES, chosen, every_run=True)
    benchmarks = read_benchmarks(results)
    return f"""# The case study's targets

A case study profiled metaflow and named eight targets: things to make faster. Each row says what
it claimed, what one optimisation gained, and what did not hold.

{targets_table(pulls)}
A row about an optimisation's headline compares its commit on branch `optimized` with the commit
below it; any other row compares branch `pr/NAME` with the commit below that. `blake3_keys` is a
setting: its row compares off and on, at one commit. Each pair was measured in one run on the
machine `{chosen}`. M: million executed instructions, which repeat to within 0.01%. Times are
medians; in brackets the 95% confidence interval of the speed-up. A target is met if the
median speed-up reaches what was wanted: the saving that the case study estimated, or a number of
our own where it estimated none.
The [glossary](docs/glossary.md) explains the words. `mfbench report status --write` makes this
page.

## Beyond the case study

What else is slow, and what one optimisation did about it. *Source*: the issue or pull request of
metaflow that reports it, or how this project found it.

{targets_table(pulls, reported=True)}
## Details

### Gain per added line

*Alone*: the gain on the newest release and what the optimisation needs. *In the series*: the gain
on top of all optimisations before it. *Added lines* are lines of metaflow's code, without tests.
*Saved per line*: the share of the headline that the optimisation saves alone, divided by its added
lines. *Applies to*: how many minor versions it applies to, tried on the last release of each;
[docs/optimizations.md](docs/optimizations.md) says where one does not, and why.
[docs/decisions.md](docs/decisions.md) says what was kept, made smaller or dropped, and why.

{lines_table(pulls, applicability.shares(upstream))}
### What each optimisation changes

Every case that an optimisation claims to change, alone. P-values are corrected for the number of an
optimisation's claims, not for all cases.

{claims_table(pulls)}
### Other kinds of content

Saving and loading other content: the newest release compared with all optimisations. Noise: how far
the control, which is identical code, is from the release.

{content_table(whole)}
### Beside lz4

Metaflow's pull request 3090 stores artifacts as lz4 frames. This table compares the newest release
with the same release storing such frames ("lz4"), and with all optimisations ("optimised"). Only a
client with that change and the package lz4 reads the frames. Every release since 2.4.9 reads what
the optimisations store (tested from 2.10.4).

{rival_table(whole, benchmarks, LZ4, "content", "lz4")}
### Beside one S3 client in threads

Metaflow's pull request 3148 handles batches of S3 objects in threads of the same process. This
table compares calls for 20 objects, 20 ms away, of the newest release with a stand-in for that pull
request ("one client"), and with all optimisations ("optimised"). The stand-in is written from its
description: boto3 in ten threads, without metaflow. It does less than the pull request would.

{rival_table(whole, benchmarks, ONE_CLIENT, "batch", "one client")}"""


def targets_table(pulls: Sequence[Pull], reported: bool = False) -> str:
    """Return a row for each target of the case study, or for each found since."""
    rows = []
    for pull in pulls:
        target = pull.optimization.target
        if target and target.reported is reported:
            is_headline = target.case == pull.optimization.claims[0].case
            row = pull.in_series if is_headline else pull.rows.get(target.case)
            labels = {claim.case: claim.label for claim in pull.optimization.claims}
            measured = f"{labels[target.case]}: {change_text(row)}"
            notes = " ".join(filter(None, (missed(row, target.at_least), target.finding)))
            cells = (target.name, target.claimed, measured, speed_up_text(row), pull.title, notes)
            rows.append(cells)
    first = ("what is slow", "source") if reported else ("target", "claimed")
    header = (*first, "before → after", "speed-up", "optimisation", "what did not hold")
    return markdown_table(header, rows)


def lines_table(pulls: Sequence[Pull], shares: Mapping[str, str]) -> str:
    """Return a row for each optimisation, the most saved per added line first."""
    rows = []
    for pull in sorted(pulls, key=lambda pull: pull.saved_per_line or 0.0, reverse=True):
        saved = pull.saved_per_line
        line = "–" if saved is None else f"{100 * saved:.2g}%"
        label = next((claim.label for claim in pull.optimization.claims), "")
        # Leave out why something was not measured.
        gains = (speed_up_text(row).partition(":")[0] for row in (pull.alone, pull.in_series))
        share = shares[pull.optimization.name]
        rows.append((pull.title, label, *gains, str(pull.added), line, share))
    rows.append(("in all", "", "", "", str(sum(pull.added for pull in pulls)), "", ""))
    header = ("optimisation", "headline", "alone", "in the series", "added lines", "saved per line")
    return markdown_table((*header, "applies to"), rows)


def claims_table(pulls: Sequence[Pull]) -> str:
    """Return a row for each case that an optimisation claims to change."""
    rows = []
    for pull in pulls:
        for claim in pull.optimization.claims:
            row = pull.rows.get(claim.case)
            rows.append((pull.title, claim.label, change_text(row), speed_up_text(row)))
    return markdown_table(("optimisation", "case", "before → after", "speed-up"), rows)
