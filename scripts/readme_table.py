"""The before/after table of README.md, made from ``results/``.

Each row is one case: the newest release, the control (the same code, committed again) and the
optimised branch, from one interleaved run. ``--write`` puts the table into README.md.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from asv.results import iter_results_for_machine_and_hash
from asv.util import human_value

from scripts.bench import series
from scripts.errors import Failure, run
from scripts.files import write_text
from scripts.git_command import git
from scripts.history import ensure
from scripts.intervals import FEWEST_SAMPLES, ratio_interval
from scripts.measurements import Case, read_sides
from scripts.paths import RESULTS, ROOT, UPSTREAM

README = ROOT / "README.md"
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"
# The machines on which the committed results were recorded; the first has every release. README's
# table and STATUS.md are of the first that measured all that the table tells.
MACHINES = ("reference", "third")


@dataclass(frozen=True)
class Row:
    """One case of the table.

    Attributes
    ----------
    label : str
        What a person calls it.
    benchmark : str
        asv's name.
    parameters : tuple of str
        The case's parameters, as asv writes them.
    unit : str
        Of the stored value.
    """

    label: str
    benchmark: str
    parameters: tuple[str, ...] = ()
    unit: str = "seconds"


def counted(label: str, benchmark: str, case: str) -> Row:
    """Describe a case of which instructions are counted."""
    return Row(f"{label}, instructions", f"instructions.{benchmark}", (case,), "instructions")


ROWS: tuple[Row, ...] = (
    counted("`import metaflow`", "Command.track_run", "import metaflow"),
    counted("`flow.py show`", "Command.track_run", "flow.py show"),
    counted("saving float64 800 KB", "Artifact.track_save", "float64-800KB"),
    counted("loading float64 800 KB", "Artifact.track_load", "float64-800KB"),
    Row("modules that `import metaflow` loads", "imports.Footprint.track_modules", (), "modules"),
    Row("`import metaflow`", "imports.Import.timeraw_metaflow"),
    Row("`flow.py run`, two steps", "flows.Run.time_hello"),
    *(
        Row(f"{verb} {label}", f"artifacts.{benchmark}", (payload,))
        for label, payload in (
            ("float64 8 MB", "float64-8MB"),
            ("float32 embeddings 8 MB", "embeddings-8MB"),
            ("text 10 MB", "text-10MB"),
            ("columns 20 MB", "columns-20MB"),
        )
        for verb, benchmark in (("saving", "Save.time_save"), ("loading", "Load.time_load"))
    ),
    Row(
        "extensions, 1 among 200 distributions", "extensions.Discovery.time_discover", ("200", "1")
    ),
    Row(
        "first read of float64 8 MB by the client",
        "client.ReadArtifact.time_read",
        ("cold", "float64-8MB"),
    ),
    Row("data of 50 tasks, by the client", "client.ManyTasks.time_collect", ("50",)),
    *(
        Row(f"`parallel_map` of {tasks}", "multicore.ParallelMap.time_map", (tasks, "default"))
        for tasks in ("1", "8", "64")
    ),
)


@dataclass(frozen=True)
class Measured:
    """One case at one commit: its value, and one sample a process where there are any."""

    value: float
    samples: tuple[float, ...]


def read_case(results: Path, machine: str, commit: str, row: Row) -> Measured | None:
    """Find a case in the results of one commit.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results.
    machine : str
        The machine's name.
    commit : str
        A full hash.
    row : Row
        The case.

    Returns
    -------
    Measured or None
        None where it was not measured, failed or was skipped.
    """
    for result in iter_results_for_machine_and_hash(str(results), machine, commit):
        if row.benchmark not in result.get_all_result_keys():
            continue
        parameters = result.get_result_params(row.benchmark)
        index = index_of(parameters, row.parameters)
        values = result.get_result_value(row.benchmark, parameters)
        samples = result.get_result_samples(row.benchmark, parameters)
        if index is None or values[index] is None or math.isnan(values[index]):
            continue
        return Measured(values[index], tuple(samples[index] or ()))
    return None


def index_of(parameters: Sequence[Sequence[str]], wanted: Sequence[str]) -> int | None:
    """Return the place of a case in asv's flat list of cases."""
    place = 0
    for values, value in zip(parameters, wanted):
        names = [name.strip("'") for name in values]
        if value not in names:
            return None
        place = place * len(values) + names.index(value)
    return place if len(parameters) == len(wanted) else None


def speed_up(before: Measured, after: Measured) -> str:
    """Return before / after with its 95% interval, as text.

    The interval is that of `ratio_interval`. Counts of instructions have no spread and get none.
    """
    ratio = before.value / after.value
    if min(len(before.samples), len(after.samples)) < FEWEST_SAMPLES:
        # Counts repeat to within 0.01%: more digits would be noise.
        return f"{ratio:.3f}".rstrip("0").rstrip(".") + "×"
    interval = ratio_interval(before.samples, after.samples)
    return f"{ratio:.3g}× ({interval.low:.3g}–{interval.high:.3g})"


def display(value: float, unit: str) -> str:
    """Return a value with its unit, in three digits or so."""
    if unit == "instructions":
        return f"{value / 1e6:.1f} M"
    return str(human_value(value, unit))


def machine_of_tables(results: Path, upstream: Path) -> str:
    """Return whose results the tables are made of; the first where none has what it takes."""
    commits = [git(upstream, "rev-parse", name) for name in ("main", "optimized")]
    able = (
        name for name in MACHINES if all(measured_all(results, name, commit) for commit in commits)
    )
    return next(able, MACHINES[0])


def measured_all(results: Path, machine: str, commit: str) -> bool:
    """Tell whether a machine has a number for each row of the table, of one commit."""
    found = {
        case
        for side in read_sides(results, machine, commit, commit)
        for case, measured in side.cases.items()
        if math.isfinite(measured.value)
    }
    return found >= {Case(row.benchmark, row.parameters) for row in ROWS}


def table(results: Path, machine: str, upstream: Path = UPSTREAM) -> str:
    """Make the table.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results.
    machine : str
        The machine's name.
    upstream : pathlib.Path
        The repository under test.

    Returns
    -------
    str
        Markdown, with a line that names the commits.
    """
    if not (results / machine).is_dir():
        measured = sorted(path.parent.name for path in results.glob("*/machine.json"))
        raise Failure(
            f"machine {machine} has no results; measured machines: {', '.join(measured) or 'none'}"
        )
    commits = [git(upstream, "rev-parse", "main"), *series(upstream)]
    before, control, after = commits[0], commits[1], commits[-1]
    release = git(upstream, "log", "-1", "--format=%s", before)
    lines = [
        "| case | before | after | before / after | before / control |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in ROWS:
        cases = [read_case(results, machine, commit, row) for commit in (before, control, after)]
        if any(case is None for case in cases):
            raise Failure(
                f"{row.benchmark} has no results; measure: python -m scripts.bench --full"
            )
        old, same, new = (case for case in cases if case is not None)
        lines.append(
            f"| {row.label} | {display(old.value, row.unit)} | "
            f"{display(new.value, row.unit)} | **{speed_up(old, new)}** | "
            f"{speed_up(old, same)} |"
        )
    lines.append("")
    lines.append(
        f"Before: {release} (`{before[:8]}`). After: `optimized` (`{after[:8]}`). Control: the "
        f"same code as before, committed again (`{control[:8]}`). M: million executed "
        "instructions. Times are medians; in brackets their 95% interval over processes."
    )
    return "\n".join(lines) + "\n"


def replace_table(readme: str, made: str) -> str:
    """Return a README with its table replaced."""
    head, found, rest = readme.partition(BEGIN)
    _, closed, tail = rest.partition(END)
    if not (found and closed):
        raise Failure("README.md lacks the two lines that mark the table; restore it with git")
    return head + BEGIN + made + END + tail


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.readme_table", description=__doc__)
    described.add_argument(
        "--machine",
        metavar="NAME",
        help=f"whose results (default: of {', '.join(MACHINES)} the first that has what it takes)",
    )
    described.add_argument("--write", action="store_true", help="put the table into README.md")
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table, or write it."""
    arguments = parser().parse_args(argv)
    ensure(UPSTREAM)
    made = table(RESULTS, arguments.machine or machine_of_tables(RESULTS, UPSTREAM))
    if arguments.write:
        write_text(README, replace_table(README.read_text(encoding="utf-8"), made))
    else:
        print(made, end="")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
