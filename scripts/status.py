"""The case study's table, finished: what each target came to, made from ``results/``.

Each optimisation is compared with the commit before it in the series. ``--write`` makes STATUS.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts import other_content, targets
from scripts.applicability import outcomes
from scripts.bench import minor_releases
from scripts.case_study import TARGETS, Target
from scripts.errors import run
from scripts.files import write_text
from scripts.git_command import git
from scripts.history import ensure
from scripts.paths import RESULTS, ROOT, UPSTREAM
from scripts.readme_table import Row, display, machine_of_tables, read_case, speed_up
from scripts.series import SeriesCommit, write_series
from scripts.targets import NOT_MEASURED

STATUS = ROOT / "STATUS.md"

# What the rival is compared by: the benchmark of the release's own store, and that of the rival.
RIVAL_CASES = (
    ("artifacts.Save.time_save", "rival.SaveWithLz4.time_save"),
    ("artifacts.Load.time_load", "rival.LoadWithLz4.time_load"),
    ("artifacts.Stored.track_bytes", "rival.StoredWithLz4.track_bytes"),
)
RIVAL_PAYLOADS = (
    ("dict 233 B", "dict-233B"),
    ("metrics 52 KB", "metrics-52KB"),
    ("float64 800 KB", "float64-800KB"),
    ("float64 8 MB", "float64-8MB"),
    ("float32 embeddings 8 MB", "embeddings-8MB"),
    ("random bytes 5 MB", "random-5MB"),
    ("text 10 MB", "text-10MB"),
    ("columns 20 MB", "columns-20MB"),
    ("half noise, half zeros 16 MB", "half-noise-16MB"),
    ("zeros 64 MB", "zeros-64MB"),
)
# Stores, and who reads what they write: tests/test_measured_series.py asks releases old and new.
READERS = (
    ("lz4 frames", "no release; a client with this change and lz4"),
    ("the series", "every release since 2.4.9 (tested from 2.10.4)"),
)


def row_of(target: Target, series: Sequence[SeriesCommit], before: str, share: str) -> list[str]:
    """Return the lines of one target: one for each case that was measured."""
    commit = next((each for each in series if each.name == target.optimization), None)
    if commit is None or not commit.hash:
        return [
            f"| {target.name} | {target.claimed} | – | – | – | not yet | – | {target.finding} |"
        ]
    lines = []
    for label, *measured in effects(target, before, commit.hash):
        cells = [f"{label}: {measured[0]}", measured[1], f"**{measured[2]}**"] if measured else []
        patch = f"`{commit.name}` (`{commit.hash[:8]}`)"
        cells = cells or [f"{label}: {NOT_MEASURED}", "–", "–"]
        cells = [target.name, target.claimed, *cells, patch, share, target.finding]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def effects(target: Target, before: str, after: str) -> list[tuple[str, ...]]:
    """Return each case of a target: its label, and if measured, before, after and speed-up."""
    pairs = [((before, row), (after, row)) for row in target.rows]
    pairs += [((after, off), (after, on)) for off, on in target.switched]
    found: list[tuple[str, ...]] = []
    machine = machine_of_tables(RESULTS, UPSTREAM)
    for pair in pairs:
        old, new = (read_case(RESULTS, machine, *each) for each in pair)
        row = pair[0][1]
        if old is None or new is None:
            found.append((row.label,))
        else:
            values = [display(each.value, row.unit) for each in (old, new)]
            found.append((row.label, *values, speed_up(old, new)))
    return found


def measured_effects(upstream: Path) -> dict[str, list[str]]:
    """Return, by optimisation, what it changed on the newest release, a line for each case."""
    base = git(upstream, "rev-parse", "main")
    below, lines = base, {}
    for commit in (each for each in write_series(upstream, base) if each.hash):
        targets = [each for each in TARGETS if each.optimization == commit.name]
        lines[commit.name] = [
            f"{case[0].replace('`', '')}: {case[1]} -> {case[2]}, {case[3]}"
            for target in targets
            for case in effects(target, below, commit.hash)
            if len(case) > 1
        ]
        below = commit.hash
    return lines


def table(upstream: Path) -> str:
    """Make the table.

    Parameters
    ----------
    upstream : pathlib.Path
        The repository under test.

    Returns
    -------
    str
        Markdown.
    """
    base = git(upstream, "rev-parse", "main")
    series = [commit for commit in write_series(upstream, base) if commit.hash]
    before = dict(zip((commit.name for commit in series), [base, *(c.hash for c in series)]))
    applies = outcomes(upstream, [*minor_releases(), "main"])
    lines = [
        "| target | claimed | before | after | speed-up | patch | applies to | finding |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for target in TARGETS:
        name = target.optimization
        takers = sum(not refusals.get(name, "unknown") for refusals in applies.values())
        share = f"{takers} of {len(applies)}"
        lines += row_of(target, series, before.get(name, base), share)
    return "\n".join(lines) + "\n"


def beside(ours: str, rivals: str, before: str, after: str, payload: str) -> tuple[str, str]:
    """Return before / after of one case for the rival and for the series, or that it is not known.

    The rival is measured on the unchanged release, beside that release's own store.
    """
    own, others = (Row(payload, benchmark, (payload,)) for benchmark in (ours, rivals))
    machine = machine_of_tables(RESULTS, UPSTREAM)
    usual = read_case(RESULTS, machine, before, own)
    measured = (
        read_case(RESULTS, machine, before, others),
        read_case(RESULTS, machine, after, own),
    )
    rival, series = (
        speed_up(usual, each) if usual is not None and each is not None else NOT_MEASURED
        for each in measured
    )
    return rival, series


def rival_table(before: str, after: str) -> str:
    """Compare lz4 frames, the rival of artifact_compression, with it.

    Parameters
    ----------
    before : str
        The release's commit.
    after : str
        The tip of the series.

    Returns
    -------
    str
        Markdown.
    """
    lines = [
        "| payload | store | saving | loading | size | who can read it |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for label, payload in RIVAL_PAYLOADS:
        cells = zip(*(beside(*case, before, after, payload) for case in RIVAL_CASES))
        lines += [
            f"| {label} | {store} | {' | '.join(ratios)} | {readers} |"
            for (store, readers), ratios in zip(READERS, cells)
        ]
    return "\n".join(lines) + "\n"


def named_commits(upstream: Path) -> dict[str, str]:
    """Return the hashes of the series by name, of main, and of the last commit under no name."""
    base = git(upstream, "rev-parse", "main")
    commits = {each.name: each.hash for each in write_series(upstream, base) if each.hash}
    return {**commits, "main": base, "": git(upstream, "rev-parse", "optimized")}


def goals(upstream: Path) -> str:
    """Return what each target was to reach, and what it did, as Markdown."""
    machine = machine_of_tables(RESULTS, upstream)
    return targets.table(RESULTS, machine, named_commits(upstream))


def others(upstream: Path) -> tuple[str, str]:
    """Compare content of other kinds with isal, and without it and zlib-ng, as Markdown."""
    commits = named_commits(upstream)
    machine = machine_of_tables(RESULTS, upstream)
    with_isal, without_isal = (
        # A commit that the series lacks is one that nobody has measured.
        other_content.table(RESULTS, machine, *(commits.get(name, "0" * 40) for name in names))
        for names in (other_content.WITH_ISAL, other_content.WITHOUT_ISAL)
    )
    return with_isal, without_isal


def page(
    machine: str, made: str, wanted: str, with_isal: str, without_isal: str, rival: str
) -> str:
    """Return STATUS.md around its tables."""
    return (
        "# The case study's table, finished\n\n"
        f"Made by `python -m scripts.status --write` from `results/{machine}`. Before is the "
        "commit of the series below the patch, after is the patch; times of both are of one run. "
        "Ratios with brackets carry a 95% interval; counts of instructions repeat to within "
        "0.01%. Applies to: how many of the last releases of each minor version take the patch "
        "([docs/optimizations.md](docs/optimizations.md) tells which, of all).\n\n"
        f"{made}\n"
        "## What was to be reached\n\n"
        "The unchanged release divided by the series (by its last commit, or by the one that is "
        "named), from one run; what reaches its number is bold. Up to "
        "`read_descriptions_at_once` (without isal), `lazy_plugins` stands for the release in one "
        "run with it. Without metaflow: the release divided by a case of `floors`. Plain is the "
        "same by `pickle.dumps`, sha1 and a file; the least there is, to hash what lies in memory "
        "and write it, or to copy a file once into huge pages.\n\n"
        f"{wanted}\n"
        "## Other content\n\n"
        "The unchanged release divided by the series, and by the control, from one run: what is "
        "below 0.9 where the control is not would be slower. Size is after / before, and is to "
        "stay below 1.1. With isal:\n\n"
        f"{with_isal}\n"
        "Without isal and zlib-ng, up to `read_descriptions_at_once`; `lazy_plugins` stands for "
        "the release, and `extension_loading` for the control:\n\n"
        f"{without_isal}\n"
        "## Beside the rival\n\n"
        "lz4 frames with a `cas_version` of their own (metaflow's pull request 3090), on the "
        "newest release, and the series on the same release. Each number is what that release's "
        "own gzip takes, divided by what the store takes: above 1 it is faster, or smaller.\n\n"
        f"{rival}"
    )


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.status", description=__doc__)
    described.add_argument("--write", action="store_true", help="write STATUS.md")
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or write the page."""
    arguments = parser().parse_args(argv)
    ensure(UPSTREAM)
    before, after = (git(UPSTREAM, "rev-parse", name) for name in ("main", "optimized"))
    machine = machine_of_tables(RESULTS, UPSTREAM)
    rival = rival_table(before, after)
    made = page(machine, table(UPSTREAM), goals(UPSTREAM), *others(UPSTREAM), rival)
    if arguments.write:
        write_text(STATUS, made)
    else:
        print(made, end="")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
