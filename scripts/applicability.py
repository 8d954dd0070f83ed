"""Which optimisation applies to which release, and why not to the others.

``--write`` makes docs/optimizations.md, for all releases.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from scripts.errors import run
from scripts.files import write_text
from scripts.git_command import git
from scripts.history import ensure
from scripts.paths import ROOT, UPSTREAM
from scripts.series import base_commit, changes_of
from scripts.upstream_git import blob_reader

DOCUMENT = ROOT / "docs" / "optimizations.md"
APPLIES = "applies"
# By release, then by optimisation: what it says, nothing where it applies.
Outcomes = dict[str, dict[str, str]]


def releases_on_main(upstream: Path) -> list[str]:
    """Return the tags of branch main, oldest release first."""
    base_commit(upstream, "main")
    return git(upstream, "tag", "--list", "--merged", "main", "--sort=version:refname").split()


def outcomes(upstream: Path, revisions: Sequence[str]) -> Outcomes:
    """Apply the series to revisions, without writing a commit.

    Parameters
    ----------
    upstream : pathlib.Path
        The repository under test.
    revisions : sequence of str
        Names of commits.

    Returns
    -------
    dict of str to dict of str to str
        For each revision what each optimisation says: nothing where it applies.

    Raises
    ------
    Failure
        A revision is unknown.
    """
    bases = {revision: base_commit(upstream, revision) for revision in revisions}
    with blob_reader(upstream) as read:
        return {
            revision: {change.name: change.refusal for change in changes_of(upstream, base, read)}
            for revision, base in bases.items()
        }


def spans(found: Outcomes, name: str) -> dict[str, list[str]]:
    """Return, by what an optimisation says, the unbroken stretches of releases that hear it."""
    stretches: dict[str, list[str]] = {}
    for refusal, group in groupby(found, key=lambda revision: found[revision].get(name, "unknown")):
        names = list(group)
        stretch = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        stretches.setdefault(refusal or APPLIES, []).append(stretch)
    return stretches


def rows(found: Outcomes) -> list[tuple[str, str, str, str]]:
    """Return name, share, releases and refusals of each optimisation."""
    made = []
    for name in next(iter(found.values()), {}):
        stretches = spans(found, name)
        takers = stretches.pop(APPLIES, [])
        count = sum(not refusals.get(name, "unknown") for refusals in found.values())
        refused = [f"{', '.join(where)}: {why}" for why, where in stretches.items()]
        share = f"{count} of {len(found)}"
        made.append((name, share, ", ".join(takers) or "none", "\n".join(refused)))
    return made


def show(found: Outcomes) -> None:
    """Print which optimisation applies where."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("optimisation", "applies to", "releases", "elsewhere", show_lines=True)
    for cells in rows(found):
        table.add_row(*map(Text, cells))
    Console().print(table)


def page(found: Outcomes) -> str:
    """Return docs/optimizations.md."""
    releases = list(found)
    lines = [
        "# Which optimisation applies to which release",
        "",
        "Made by `python -m scripts.applicability --write`, which applies the series to every "
        f"release from {releases[0]} to {releases[-1]}. An optimisation that does not find what "
        "it changes refuses by name; where what it needs came with a later release, there is "
        "nothing to make faster. `python -m scripts.optimize --onto 2.15.0` builds the branch "
        "for one release.",
        "",
        "| optimisation | applies to | releases | elsewhere |",
        "| --- | --- | --- | --- |",
    ]
    for name, share, takers, refused in rows(found):
        reasons = refused.replace("|", "\\|").replace("\n", "<br>")
        lines.append(f"| `{name}` | {share} | {takers} | {reasons} |")
    return "\n".join(lines) + "\n"


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.applicability", description=__doc__)
    described.add_argument("revisions", metavar="REV", nargs="*", help="default: every release")
    described.add_argument("--write", action="store_true", help="write docs/optimizations.md")
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or write the page."""
    arguments = parser().parse_args(argv)
    if arguments.write and arguments.revisions:
        parser().error("the page is about every release: --write takes no REV")
    ensure(UPSTREAM)
    found = outcomes(UPSTREAM, arguments.revisions or releases_on_main(UPSTREAM))
    if arguments.write:
        write_text(DOCUMENT, page(found))
    else:
        show(found)
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
