"""Remove most results of old commits that are between releases; git keeps what is removed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path

import click

from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import IGNORED_MACHINES, RESULTS, UPSTREAM
from mfbench.repository.build import require
from mfbench.repository.named_commits import named_commits

A_DAY = 24 * 60 * 60


def superfluous(results: Path, upstream: Path, until: float) -> list[Path]:
    """Return the files that can go, given the time until which commits are old.

    One a week stays for each machine: that of the oldest commit.
    """
    commits = named_commits(upstream)
    stay = recorded(results.parent / "records")
    # An optimisation is compared with the commit that it stands on.
    stay.update(each.parent for each in commits if each.role == "optimization")
    controls = {each.hash: each.parent for each in commits if each.role == "control"}
    weeks = {
        each.hash: datetime.fromtimestamp(each.date, timezone.utc).isocalendar()[:2]
        for each in commits
        if each.date <= until and not each.name and stay.isdisjoint((each.hash, each.hash[:8]))
    }
    found: list[Path] = []
    for folder in sorted(path.parent for path in results.glob("*/machine.json")):
        files = sorted(folder.glob("*-*.json"))
        measured = {path.name[:8] for path in files}
        old = [commit for commit in weeks if commit[:8] in measured]
        first = {weeks[commit]: commit for commit in reversed(old)}
        gone = set(old).difference(first.values())
        gone.update(commit for commit, base in controls.items() if base in gone)
        if folder.name not in IGNORED_MACHINES:
            names = {commit[:8] for commit in gone}
            found += [path for path in files if path.name[:8] in names]
    return found


def recorded(records: Path) -> set[str]:
    """Return the first 8 digits of each commit that a file of records/ or its path names."""
    texts = (f"{path} {path.read_text(encoding='utf-8')}" for path in records.rglob("*.json"))
    return {each[:8] for text in texts for each in re.findall(r"\b[0-9a-f]{8,40}\b", text)}


def remove(files: Iterable[Path], why: str) -> None:
    """Remove files where git keeps them, and say so."""
    for path in files:
        where = f"{path.parent.name}/{path.name}"
        try:
            # git refuses to remove what is not committed as it is.
            git(path.parent, "rm", "--quiet", "--", path.name)
            print(f"{where}: {why}; the file is removed, git keeps it")
        except Failure:
            print(f"{where}: {why}; once you commit the file, this command removes it")


@click.command()
@click.option(
    "--keep-days",
    metavar="N",
    type=click.IntRange(min=0),
    default=365,
    show_default=True,
    help="Keep all results of commits of the last N days.",
)
@click.option("--write", is_flag=True, help="Remove the files by git rm; commit that yourself.")
def command(keep_days: int, write: bool) -> None:
    """Print which results of old commits can go, and remove them with --write.

    Of older commits these stay: what a tag or a branch names, so all releases; optimisations, and
    the commits that they stand on; what records/ names; for each machine, the oldest measured
    commit of each week; and the controls of all these.
    """
    require(UPSTREAM)
    files = superfluous(RESULTS, UPSTREAM, time.time() - keep_days * A_DAY)
    if write:
        remove(files, "it is between releases")
    else:
        print("".join(f"{path.parent.name}/{path.name}\n" for path in files), end="")
        print(f"{len(files)} files can go; remove them with --write")
