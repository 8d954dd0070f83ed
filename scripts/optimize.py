"""Apply the optimisation series to metaflow, as commits on branch ``optimized`` of ``upstream/``.

The commits are the same on every machine. A person's commits and uncommitted changes are kept.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.errors import Failure, run
from scripts.git_command import git
from scripts.paths import CI_MACHINE, RESULTS, UPSTREAM
from scripts.series import SeriesCommit, base_commit, build_series, write_series

__all__ = ["build_series", "commits_without_results"]


def commits_without_results(upstream: Path, results: Path) -> list[SeriesCommit]:
    """Return the commits of the series on ``main`` that no machine has measured."""
    series = write_series(upstream, base_commit(upstream, "main"))
    measured = [path for path in results.glob("*/*-*.json") if path.parent.name != CI_MACHINE]
    hashes = {path.name.partition("-")[0] for path in measured}
    return [commit for commit in series if commit.hash and commit.hash[:8] not in hashes]


def export(
    upstream: Path, onto: str, folder: Path, measured: Mapping[str, Sequence[str]] | None = None
) -> list[Path]:
    """Write the series as patches in mail format, without the control, which is empty.

    Parameters
    ----------
    upstream : pathlib.Path
        The repository under test.
    onto : str
        The revision that the patches are for.
    folder : pathlib.Path
        Where to; made if missing. Patches of the same names are overwritten.
    measured : mapping of str to sequence of str, optional
        By optimisation, lines about its effect, for the patch's message.

    Returns
    -------
    list of pathlib.Path
        The patches, in order.
    """
    measured = measured or {}
    base = base_commit(upstream, onto)
    if folder.exists() and not folder.is_dir():
        raise Failure(f"{folder} is a file; name a folder for the patches")
    commits = [commit for commit in write_series(upstream, base) if commit.hash]
    if not any(commit.files for commit in commits):
        raise Failure(f"no optimisation changes {onto}; --check tells what applies where")
    layout = ["--no-signature", "--full-index", "--numbered", "--no-ext-diff", "--no-textconv"]
    layout += ["--diff-algorithm=myers", "--unified=3", "--src-prefix=a/", "--dst-prefix=b/"]
    with tempfile.TemporaryDirectory() as name:
        fresh = Path(name)
        first = next(i for i, commit in enumerate(commits) if commit.files)
        revisions = f"{commits[first - 1].hash if first else base}..{commits[-1].hash}"
        git(upstream, "format-patch", "--quiet", *layout, "--output-directory", name, revisions)
        patches = sorted(fresh.iterdir())
        others = {path.name for path in folder.glob("*.patch")} - {path.name for path in patches}
        if others:
            raise Failure(f"{folder} holds other patches ({min(others)}); name an empty folder")
        folder.mkdir(parents=True, exist_ok=True)
        return [Path(folder / path.name) for path in patches if copy(path, folder, measured)]


def copy(path: Path, folder: Path, measured: Mapping[str, Sequence[str]]) -> int:
    """Copy a patch into a folder; its message ends with what was measured."""
    text = path.read_text(encoding="utf-8")
    trailer = re.search(r"^Optimization: (\w+)$", text, re.MULTILINE)
    lines = measured.get(trailer[1], []) if trailer else []
    if trailer and lines:
        effect = "\n".join(f"- {line}" for line in lines)
        heading = "Measured on metaflow's newest release, beside the commit below:"
        text = f"{text[: trailer.start()]}{heading}\n\n{effect}\n\n{text[trailer.start() :]}"
    return (folder / path.name).write_text(text, encoding="utf-8")


def show_series(upstream: Path) -> None:
    """Print number, name, title and files of each optimisation."""
    for commit in write_series(upstream, base_commit(upstream, "main")):
        print(f"{commit.number}. {commit.name}: {commit.title}")
        for line in [commit.refusal] if commit.refusal else commit.files:
            print(f"     {line}")


def show_missing(upstream: Path, results: Path) -> int:
    """Name the commits without results; 1 if there are any."""
    missing = commits_without_results(upstream, results)
    for commit in missing:
        print(f"no results: {commit.hash[:8]} {commit.name}")
    if missing:
        print("measure them with: python -m scripts.bench --full")
    return 1 if missing else 0


def apply(upstream: Path, onto: str) -> int:
    """Build the series on a revision and say what came of it; 1 if something does not apply."""
    branch = "optimized" if onto == "main" else f"optimized-{re.sub(r'[^0-9A-Za-z.-]+', '-', onto)}"
    series = build_series(upstream, onto, branch)
    skipped = [commit for commit in series if commit.refusal]
    for commit in skipped:
        print(f"skipped {commit.name}: {commit.refusal}")
    print(f"{branch}: {len(series) - len(skipped)} commits on {onto}")
    return 1 if skipped and onto == "main" else 0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.optimize", description=__doc__)
    described.add_argument(
        "--onto", metavar="REV", default="main", help="any release; the branch is optimized-REV"
    )
    action = described.add_mutually_exclusive_group()
    action.add_argument("--list", action="store_true", help="the optimisations and their files")
    action.add_argument(
        "--export", metavar="DIR", type=Path, help="write patches in mail format for a pull request"
    )
    action.add_argument(
        "--check", metavar="REV", nargs="*", help="which optimisation applies to which release"
    )
    action.add_argument(
        "--missing-results", action="store_true", help="name the commits that nobody has measured"
    )
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks for."""
    arguments = parser().parse_args(argv)
    if arguments.list:
        show_series(UPSTREAM)
        return 0
    if arguments.export:
        from scripts.status import measured_effects

        base_commit(UPSTREAM, arguments.onto)
        effects = measured_effects(UPSTREAM)
        for patch in export(UPSTREAM, arguments.onto, arguments.export, effects):
            print(patch)
        return 0
    if arguments.check is not None:
        from scripts.applicability import outcomes, releases_on_main, show

        show(outcomes(UPSTREAM, arguments.check or releases_on_main(UPSTREAM)))
        return 0
    if arguments.missing_results:
        return show_missing(UPSTREAM, RESULTS)
    return apply(UPSTREAM, arguments.onto)


if __name__ == "__main__":
    sys.exit(run(main))
