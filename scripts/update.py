"""Take in what is new of metaflow: releases, the series on the newest, measurements, the site.

Run it as often as you like: what is there already is not done again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from scripts import history, machine, registry, results
from scripts.asv_command import asv
from scripts.bench import COUNTS, commits_of, machine_name, measure, series
from scripts.errors import Failure, run
from scripts.git_command import git
from scripts.paths import RESULTS, UPSTREAM
from scripts.series import base_commit, write_series

# What tells an import's story, and repeats.
STORY = r"^instructions\.Command\.track_run\((import metaflow|from metaflow)|^imports\.Footprint\."


def unmeasured(name: str, commits: Sequence[str]) -> list[str]:
    """Return the commits of which a machine has no results."""
    folder = RESULTS / name
    return [commit for commit in commits if not any(folder.glob(f"{commit[:8]}-*.json"))]


def measure_new(name: str, releases: Sequence[str]) -> list[str]:
    """Measure what this machine has not, and return the commits.

    Parameters
    ----------
    name : str
        The machine's.
    releases : sequence of str
        Versions that are new in the list.

    Returns
    -------
    list of str
        Hashes.
    """
    head = [*commits_of(["main"]), series()[0], series()[-1]]
    new = unmeasured(name, head)
    if new:
        # All three, for times are compared within one run.
        measure(head, "--machine", name, "--interleave-rounds", may_fail=True)
    between = unmeasured(name, series()[1:-1])
    if between:
        measure(between, "--machine", name, "--bench", COUNTS, may_fail=True)
    others = unmeasured(name, [commit for commit in commits_of(releases) if commit not in head])
    if others:
        measure(others, "--machine", name, "--bench", STORY, may_fail=True)
    return [*new, *between, *others]


def refusals() -> list[str]:
    """Return a line for each optimisation that does not apply to the newest release."""
    commits = write_series(UPSTREAM, base_commit(UPSTREAM, "main"))
    return [f"{commit.name}: {commit.refusal}" for commit in commits if commit.refusal]


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.update", description=__doc__)
    described.add_argument(
        "--machine", metavar="NAME", type=machine_name, help="the name to store results under"
    )
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Look, build, measure, check, publish; say what came of each."""
    arguments = parser().parse_args(argv)
    new = [release.version for release in registry.update()]
    print(f"new releases: {', '.join(new) or 'none'}", flush=True)
    history.ensure(UPSTREAM)
    newest = git(UPSTREAM, "describe", "--tags", "--exact-match", "main")
    for line in refusals():
        print(f"does not apply to {newest}: {line}")
    measured = measure_new(machine.ensure(arguments.machine), new)
    if not measured:
        print("all is measured; nothing to publish")
        return 0
    faults = results.faults(RESULTS, UPSTREAM)
    if faults:
        raise Failure(f"{faults[0]}; python -m scripts.results check tells all {len(faults)}")
    asv("publish")
    print(f"{len(measured)} commits measured and published")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
