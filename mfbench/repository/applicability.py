"""Which optimisation applies to which release, and why not to the others."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from mfbench.repository.kept_changes import changes_of
from mfbench.repository.releases import minor_releases
from mfbench.repository.series import find_commit

# By revision, then by optimisation: why it does not apply; an empty text where it does.
Outcomes = dict[str, dict[str, str]]


def outcomes(upstream: Path, revisions: Sequence[str]) -> Outcomes:
    """Apply the series to revisions; nothing is written into the repository."""
    bases = {revision: find_commit(upstream, revision) for revision in revisions}
    return {
        revision: {change.name: change.refusal for change in changes_of(upstream, base)}
        for revision, base in bases.items()
    }


def rows(found: Outcomes) -> list[tuple[str, str, str, str]]:
    """Return name, share, releases and refusals of each optimisation."""
    made = []
    for name in next(iter(found.values()), {}):
        # By refusal: the unbroken stretches of releases that it holds for.
        stretches: dict[str, list[str]] = {}
        for refusal, group in groupby(found, key=lambda revision: found[revision][name]):
            first, *others = group
            stretch = f"{first} to {others[-1]}" if others else first
            stretches.setdefault(refusal, []).append(stretch)
        releases = ", ".join(stretches.pop("", ["none"]))
        count = sum(not refusals[name] for refusals in found.values())
        refused = "\n".join(f"{', '.join(where)}: {why}" for why, where in stretches.items())
        made.append((name, f"{count} of {len(found)}", releases, refused))
    return made


def shares(upstream: Path) -> dict[str, str]:
    """Return, by optimisation, to how many minor versions (the last release of each) it applies."""
    return {name: share for name, share, *_ in rows(outcomes(upstream, minor_releases(upstream)))}
