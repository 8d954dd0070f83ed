"""Compare two commits by what was measured of them: the verdicts, and an exit code for them.

Exit codes: 0 nothing to object to; 1 a regression or a benchmark that fails now, with --fail-on
regression; 2 nothing was measured or nothing is comparable; 3 an error.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scripts import history
from scripts.comparison import COUNT, Comparison, Row, compare
from scripts.comparison_report import as_json, as_markdown, as_text
from scripts.control import control_of
from scripts.errors import EXIT_ERROR, Failure, NothingMeasured, run
from scripts.files import write_text
from scripts.measurements import Side, likeliest, machines_with, read_sides, units
from scripts.paths import RESULTS, UPSTREAM
from scripts.series import base_commit
from scripts.startup_rows import startup_rows
from scripts.verdict import Verdict

REGRESSION, NOTHING = 1, 2
FORMATS = ("text", "markdown", "json")
WIDTH_OF_A_FILE = 160


def load(
    results: Path,
    upstream: Path,
    names: Sequence[str],
    machine: str | None = None,
    topics: Sequence[str] = (),
) -> Comparison:
    """Compare two commits.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results.
    upstream : pathlib.Path
        The repository under test.
    names : sequence of str
        What a person calls the commits: before, after.
    machine : str, optional
        Whose results; if not given, this one's, or of those that have both the likeliest.
    topics : sequence of str, optional
        Only these; all if there are none.

    Returns
    -------
    Comparison
        With a row for each case that either side has.

    Raises
    ------
    Failure
        Where a name is unknown, or a file is damaged.
    """
    commits = [base_commit(upstream, name) for name in names]
    chosen = machine or machine_of(results, commits)
    before, after = chosen_sides(results, chosen, names, commits)
    control = control_of(upstream, commits[0])
    same = [
        side
        for side in read_sides(results, chosen, "control", control)
        if side.environment == before.environment
    ]
    require_topics(topics, before, after)
    compared = compare(before, after, same[0] if same else None, units(results), topics)
    # A topic of its own, which pyperf measures.
    startup = () if topics else startup_rows(results, *commits)
    return replace(compared, startup=startup)


def machine_of(results: Path, commits: Sequence[str]) -> str:
    """Return this machine if it has results of all commits, else the likeliest that has."""
    from scripts.asv_upstream import this_machine

    measured = machines_with(results, commits)
    if not measured:
        raise NothingMeasured("no machine measured both; measure with: make compare")
    return likeliest(results, measured, this_machine())


def chosen_sides(
    results: Path, machine: str, names: Sequence[str], commits: Sequence[str]
) -> tuple[Side, Side]:
    """Return both sides, of one environment where there is one that measured both."""
    if not (results / machine).is_dir():
        known = ", ".join(machines_with(results, [])) or "none"
        raise Failure(f"machine {machine} has no results; measured machines: {known}")
    found = [read_sides(results, machine, *each) for each in zip(names, commits)]
    for before in found[0]:
        for after in found[1]:
            if before.environment == after.environment:
                return before, after
    # What was not measured has no circumstances of its own to differ in.
    circumstances = (found[0] or found[1] or [Side("", "", "", {}, {})])[0].circumstances
    before, after = (
        sides[0] if sides else Side(name, commit, "", circumstances, {})
        for sides, name, commit in zip(found, names, commits)
    )
    return before, after


def require_topics(topics: Sequence[str], *sides: Side) -> None:
    """Refuse topics that neither side has, and say which there are."""
    known = sorted({case.topic for side in sides for case in side.cases})
    unknown = [topic for topic in topics if topic not in known]
    if unknown and known:
        raise Failure(f"unknown topic {', '.join(unknown)}; topics are {', '.join(known)}")


def is_regression(row: Row) -> bool:
    """Tell whether a row is one that a pull request should not be merged with."""
    slower = row.verdict is Verdict.SLOWER and (row.is_timed or row.unit == COUNT)
    return row.failed or slower


def exit_code(comparison: Comparison, fail_on_regression: bool) -> int:
    """Return the exit code that a comparison stands for."""
    if not comparison.measured:
        return NOTHING
    rows = (*comparison.rows, *comparison.startup)
    return int(fail_on_regression and any(map(is_regression, rows)))


def rendered(comparison: Comparison, form: str, everything: bool, to_file: bool) -> str:
    """Return a comparison in one of the formats."""
    if form == "json":
        return as_json(comparison)
    if form == "markdown":
        return as_markdown(comparison, everything)
    for_eyes = not to_file and sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if for_eyes else WIDTH_OF_A_FILE
    return as_text(comparison, everything, width, for_eyes)


def topics_of(text: str) -> list[str]:
    """Split what --only was given."""
    topics = [topic for topic in re.split(r"[,\s]+", text) if topic]
    if not topics or not all(topic.isidentifier() for topic in topics):
        raise argparse.ArgumentTypeError("name topics, as in imports,artifacts")
    return topics


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.compare", description=__doc__)
    described.add_argument("before", help="a commit, branch or release")
    described.add_argument("after", help="the same")
    described.add_argument("--machine", metavar="NAME", help="whose results")
    described.add_argument(
        "--results",
        metavar="FOLDER",
        type=Path,
        default=RESULTS,
        help="where they are (default: results/)",
    )
    described.add_argument(
        "--only", metavar="TOPICS", type=topics_of, default=[], help="such as imports,artifacts"
    )
    described.add_argument(
        "--all", action="store_true", help="all cases, not only what is faster or slower"
    )
    described.add_argument("--format", choices=FORMATS, default="text", help="default: text")
    described.add_argument(
        "--output", metavar="FILE", type=Path, help="write there instead of to the terminal"
    )
    described.add_argument(
        "--fail-on",
        choices=("never", "regression"),
        default="never",
        help="exit with 1 on a regression (default: never)",
    )
    return described


def parsed(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; argparse would use the code that says that nothing was measured."""
    try:
        return parser().parse_args(argv)
    except SystemExit as ended:
        raise SystemExit(EXIT_ERROR if ended.code else 0) from None


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, print or write, and tell by the exit code."""
    arguments = parsed(argv)
    history.ensure(UPSTREAM)
    names = (arguments.before, arguments.after)
    comparison = load(arguments.results, UPSTREAM, names, arguments.machine, arguments.only)
    to_file = arguments.output is not None
    report = rendered(comparison, arguments.format, arguments.all, to_file)
    if to_file:
        write_text(arguments.output, report)
    else:
        print(report, end="")
    return exit_code(comparison, arguments.fail_on == "regression")


if __name__ == "__main__":
    sys.exit(run(main))
