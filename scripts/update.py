"""Take in what is new of metaflow: releases, the series on the newest, measurements, the site.

Run it as often as you like: what is there already is not done again. Exit codes: 0 all is done;
3 an error; 4 all is measured and published, but for a document that can't be made of it.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from scripts import (
    applicability,
    history,
    history_report,
    machine,
    measure_history,
    readme_table,
    registry,
    status,
)
from scripts.asv_command import asv
from scripts.bench import machine_name, regular_expression
from scripts.errors import Failure, run
from scripts.files import write_text
from scripts.git_command import git
from scripts.kept_imports import SERIES, is_of, keep
from scripts.measure_series import measure_left
from scripts.paths import HTML, IGNORED_MACHINES, RESULTS, ROOT, UPSTREAM
from scripts.result_faults import MACHINE, faults
from scripts.series import base_commit, write_series

# In the site: of which results it was made.
PUBLISHED = "results.sha256"
# All is measured and published, but for a document that can't be made of it. Nothing else ends so.
EXIT_UNWRITTEN = 4


def refusals(upstream: Path) -> list[str]:
    """Return a line for each optimisation that does not apply to the newest release."""
    commits = write_series(upstream, base_commit(upstream, "main"))
    return [f"{commit.name}: {commit.refusal}" for commit in commits if commit.refusal]


def newer(part: measure_history.Part, name: str) -> dict[str, measure_history.Left]:
    """Return the releases beyond the newest that a machine measured, oldest first.

    Without the newest of all, which is measured with the series. None where it measured none:
    that is `make history`'s.
    """
    left = measure_history.left(part, name, RESULTS, UPSTREAM)
    versions = measure_history.releases_of(part)[1:]
    new = list(itertools.takewhile(lambda each: each in left and left[each].new, versions))
    # Oldest first: whatever stops this, what is left is still beyond what is measured.
    return {} if len(new) == len(versions) else {version: left[version] for version in new[::-1]}


def measure_releases(name: str) -> list[str]:
    """Measure new releases as `make history` does, and return their commits."""
    measured: dict[str, None] = {}
    for part in measure_history.PARTS.values():
        releases = newer(part, name)
        measure_history.measure_part(part, name, releases)
        measured |= dict.fromkeys(each.commit for each in releases.values())
    return list(measured)


def superseded(results: Path, upstream: Path) -> tuple[list[Path], list[Path]]:
    """Return results of commits on no branch and no tag: of the series on an older release.

    Returns
    -------
    kept, others : list of pathlib.Path
        What is committed here, unchanged, so that git keeps it; and what is not.
    """
    reachable = git(upstream, "rev-list", "--branches", "--tags").split()
    known = {commit[:8] for commit in reachable}
    files = [
        path
        for path in results.glob("*/*-*.json")
        # Anything else is no file of asv's, which the check of results tells.
        if re.match("[0-9a-f]{8}-", path.name)
        and path.name[:8] not in known
        and path.parent.name not in IGNORED_MACHINES
        and (path.parent / MACHINE).exists()
    ]
    names = [str(path.relative_to(ROOT)) for path in files]
    if not names:
        return [], []
    kept = set(git(ROOT, "ls-files", "--", *names).splitlines())
    changed = git(ROOT, "status", "--porcelain", "--", *names)
    safe = [path for path, name in zip(files, names) if name in kept and name not in changed]
    return safe, [path for path in files if path not in safe]


def is_of_any(fault: str, files: Sequence[Path]) -> bool:
    """Tell whether a fault is that the commit of one of these files is gone by now."""
    starts = (f"{path.parent.name}/{path.name}: commit " for path in files)
    return fault.startswith(tuple(starts)) and "is unknown in" in fault


def digest_of(results: Path) -> str:
    """Return a digest of all results: clocks and checkouts change files' times as they like."""
    digest = hashlib.sha256()
    for path in sorted(results.rglob("*.json")):
        digest.update(f"{path.relative_to(results)} {path.stat().st_size}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def mark_of(results: Path, documented: bool) -> str:
    """Return what marks a site that was made of these results, and perhaps the documents, too."""
    return f"{digest_of(results)}{' and documents' if documented else ''}\n"


def is_published(results: Path, site: Path, documented: bool) -> bool:
    """Tell whether the site was made of these results, and the documents, if they are asked for."""
    mark = site / PUBLISHED
    enough = [mark_of(results, each) for each in {documented, True}]
    return mark.exists() and mark.read_text() in enough


def keep_series_trees() -> None:
    """Time the imports of the newest release and the series, unless they are kept already."""
    revisions = ("main", "optimized")
    if not is_of(SERIES, UPSTREAM, revisions):
        keep(SERIES, UPSTREAM, revisions)


def history_of_import() -> None:
    """Write docs/history.md."""
    history_report.main(["--write", "--machine", readme_table.MACHINES[0]])


# What is made from results/ and committed.
DOCUMENTS: dict[str, Callable[[], object]] = {
    "results/imports/series.json": keep_series_trees,
    "README.md": lambda: readme_table.main(["--write"]),
    "STATUS.md": lambda: status.main(["--write"]),
    "docs/optimizations.md": lambda: applicability.main(["--write"]),
    "docs/history.md": history_of_import,
}


def write_documents() -> list[str]:
    """Write tables and the import's history; return a line for each that can't be made."""
    failures = []
    for name, write in DOCUMENTS.items():
        try:
            write()
        except (Failure, OSError) as failure:
            failures.append(f"{name} stays as it was: {failure}")
    return failures


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.update", description=__doc__)
    described.add_argument(
        "--machine", metavar="NAME", type=machine_name, help="the name to store results under"
    )
    described.add_argument(
        "--bench", metavar="REGEX", type=regular_expression, help="of the series, only these"
    )
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Look, build, measure, check, publish; say what came of each."""
    arguments = parser().parse_args(argv)
    new = [release.version for release in registry.update()]
    print(f"new releases: {', '.join(new) or 'none'}", flush=True)
    history.ensure(UPSTREAM)
    newest = git(UPSTREAM, "log", "-1", "--format=%s", "main").removeprefix("metaflow ")
    for line in refusals(UPSTREAM):
        print(f"does not apply to {newest}: {line}")
    name = machine.ensure(arguments.machine)
    measured = [*measure_releases(name), *measure_left(name, arguments.bench)]
    old, others = superseded(RESULTS, UPSTREAM)
    for path in old:
        print(f"{path.name} is of a commit that is no more (an older series?); git keeps it")
        path.unlink()
    for path in others:
        print(f"{path.name} is of a commit that is no more; commit it, and it is removed")
    found = [fault for fault in faults(RESULTS, UPSTREAM) if not is_of_any(fault, others)]
    if found:
        raise Failure(f"{found[0]}; python -m scripts.results check tells all {len(found)}")
    documented = not arguments.bench and name == readme_table.machine_of_tables(RESULTS, UPSTREAM)
    if not (measured or old) and is_published(RESULTS, HTML, documented):
        print("all is measured and published")
        return 0
    unwritten = write_documents() if documented else []
    asv("publish")
    print(f"{len(measured)} commits measured, and all is published")
    if unwritten:
        # Not marked as done: another start tries them again.
        print("\n".join(f"error: {line}" for line in unwritten), file=sys.stderr)
        return EXIT_UNWRITTEN
    write_text(HTML / PUBLISHED, mark_of(RESULTS, documented))
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
