"""Tell the story of metaflow's import: which release made it slower or faster, and by what.

The counts are those of `make history`; what came and left is told by import trees of the two
releases of each step, timed once and kept in results/imports. `--write` writes docs/history.md.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts import history
from scripts.bench import machine_name, minor_releases, positive
from scripts.errors import NothingMeasured, run
from scripts.files import read_object, write_text
from scripts.import_changes import Difference
from scripts.kept_imports import IMPORTS, is_of, keep, path_of
from scripts.measurements import Case, Measurement, fullest, machines_with, read_sides
from scripts.paths import IGNORED_MACHINES, RESULTS, ROOT, UPSTREAM
from scripts.releases import Release, load
from scripts.series import base_commit

DOCUMENT = ROOT / "docs" / "history.md"
IMPORT = Case("instructions.Command.track_run", ("import metaflow",))
NAMES = Case("instructions.Command.track_run", ("from metaflow import FlowSpec, step",))
MODULES = Case("imports.Footprint.track_modules")
BIGGEST = 10
# Counts repeat to within 0.01%; less than half a percent is no story.
LEAST = 0.005
# Of an import tree: the costliest are told.
TOLD = 3


@dataclass(frozen=True)
class Point:
    """One release: instructions of the two imports, and modules loaded; None where unknown."""

    release: Release
    imports: float | None
    names: float | None
    modules: float | None
    failed: bool = False


@dataclass(frozen=True)
class Step:
    """Two releases whose imports differ, and the releases between them that have no count."""

    before: Point
    after: Point
    between: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """Instructions after, divided by those before."""
        assert self.before.imports and self.after.imports
        return self.after.imports / self.before.imports

    @property
    def versions(self) -> tuple[str, str]:
        """Of the releases before and after."""
        return self.before.release.version, self.after.release.version


def points(results: Path, machine: str, upstream: Path) -> list[Point]:
    """Return what is known of each release, oldest first.

    Parameters
    ----------
    results : pathlib.Path
        The folder of results.
    machine : str
        The machine's name.
    upstream : pathlib.Path
        The repository under test.
    """
    return [
        point(release, cases_of(results, machine, base_commit(upstream, release.version)))
        for release in load()
    ]


def cases_of(results: Path, machine: str, commit: str) -> dict[Case, Measurement]:
    """Return all that a machine measured of a commit."""
    cases: dict[Case, Measurement] = {}
    for side in read_sides(results, machine, commit, commit):
        cases.update(side.cases)
    return cases


def point(release: Release, cases: Mapping[Case, Measurement]) -> Point:
    """Return what is known of one release."""
    measured = [cases.get(case) for case in (IMPORT, NAMES, MODULES)]
    imports, names, modules = (
        each.value if each is not None and not math.isnan(each.value) else None for each in measured
    )
    failed = any(each.failed for each in measured if each)
    return Point(release, imports, names, modules, failed)


def steps(known: Sequence[Point]) -> list[Step]:
    """Return the steps between neighbours that are a story, the biggest first."""
    counted = [place for place, each in enumerate(known) if each.imports]
    found = [
        Step(
            known[before],
            known[after],
            tuple(each.release.version for each in known[before + 1 : after]),
        )
        for before, after in itertools.pairwise(counted)
    ]
    told = [step for step in found if abs(step.ratio - 1) >= LEAST]
    return sorted(told, key=lambda step: max(step.ratio, 1 / step.ratio), reverse=True)


def missing(upstream: Path, chosen: Sequence[Step], folder: Path = IMPORTS) -> list[Step]:
    """Return the steps whose import trees were not compared yet."""
    return [
        step
        for step in chosen
        if not is_of(path_of(*step.versions, folder), upstream, step.versions)
    ]


def reasons(step: Step, folder: Path = IMPORTS) -> list[str]:
    """Say what came into a slower import or left a faster one, by a step's kept comparison.

    What grew or shrank is not told: of 600 modules, a few always seem to, by chance.

    Returns
    -------
    list of str
        The costliest, each with its share of the slower import's time.
    """
    read = read_object(path_of(*step.versions, folder))
    whole_us = max(read[side]["total_us"] for side in ("before", "after"))
    kind = "came" if step.ratio > 1 else "left"
    return [reason(kind, Difference(**each), whole_us) for each in read[kind][:TOLD]]


def reason(kind: str, each: Difference, whole_us: int) -> str:
    """Say one difference of two import trees."""
    count = len(each.below)
    below = f" and {count} module{'s' * (count > 1)} below it" if count else ""
    who = f", imported by `{each.importer}`" if each.importer else ""
    return f"{kind}: `{each.name}`{below}{who} ({abs(each.change_us) / whole_us:.1%} of the import)"


def table(known: Sequence[Point], chosen: Sequence[str]) -> str:
    """Return a table of some releases."""
    lines = [
        "| release | of | `import metaflow`, M instructions | with `FlowSpec, step` | modules |",
        "| --- | --- | --- | --- | --- |",
    ]
    for each in known:
        if each.release.version in chosen:
            cells = [each.release.version, each.release.uploaded[:10]]
            cells += [millions(each.imports), millions(each.names)]
            cells += [whole(each.modules)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def millions(count: float | None) -> str:
    """Return a count for a person."""
    return "–" if count is None else f"{count / 1e6:.1f}"


def whole(number: float | None) -> str:
    """Return a small number for a person."""
    return "–" if number is None else f"{number:.0f}"


def machine_of(results: Path) -> str:
    """Return the machine that measured most commits."""
    machines = [name for name in machines_with(results, []) if name not in IGNORED_MACHINES]
    if not machines:
        raise NothingMeasured("no machine has results; run make history")
    return fullest(results, machines)


def told(step: Step, why: Sequence[str]) -> str:
    """Return a step as a section of the document."""
    before, after = step.before, step.after
    verb = "slower" if step.ratio > 1 else "faster"
    nothing = f"no module {'came' if step.ratio > 1 else 'left'}; those of before do more or less"
    gap = f"It may be of {' or '.join(step.between)}: no count is known." if step.between else ""
    lines = [
        f"### {after.release.version} ({after.release.uploaded[:10]}): {verb}, {step.ratio:.3f}×",
        "",
        f"{millions(before.imports)} M instructions in {before.release.version}, then "
        f"{millions(after.imports)} M; modules: {whole(before.modules)}, then "
        f"{whole(after.modules)}.",
        "",
        *([gap, ""] if gap else []),
        *[f"- {line}" for line in why or [nothing]],
    ]
    return "\n".join(lines) + "\n"


def page(known: Sequence[Point], sections: Sequence[str], machine: str) -> str:
    """Return docs/history.md."""
    counted = [each for each in known if each.imports]
    first, last = counted[0], counted[-1]
    assert first.imports and last.imports
    failed = [each.release.version for each in known if each.failed]
    missing = [each.release.version for each in known if not each.imports and not each.failed]
    chosen = [*minor_releases(), last.release.version]
    text = (
        "# The import's story\n\n"
        f"Made by `python -m scripts.history_report --write` from `results/{machine}`: "
        f"{len(counted)} of {len(known)} releases, counted by `make history` on one machine with "
        "one set of dependencies. Counts of instructions repeat to within 0.01%. What came and "
        "left is told by import trees (`-X importtime`) of the two releases, timed once and kept "
        "in `results/imports`; its share is by time.\n\n"
        f"From {first.release.version} to {last.release.version} the import went from "
        f"{millions(first.imports)} M to {millions(last.imports)} M instructions, "
        f"{last.imports / first.imports:.2f}×.\n\n"
    )
    text += "".join(
        f"{len(versions)} {what}: {', '.join(versions)}.\n\n"
        for versions, what in ((failed, "failed"), (missing, "not measured yet"))
        if versions
    )
    text += f"{table(known, chosen)}\n## The biggest steps\n\n" + "\n".join(sections)
    return text


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(
        prog="python -m scripts.history_report", description=__doc__
    )
    described.add_argument("--write", action="store_true", help="write docs/history.md")
    described.add_argument(
        "--steps",
        metavar="N",
        type=positive,
        default=BIGGEST,
        help="how many (default: %(default)s)",
    )
    described.add_argument(
        "--machine", metavar="NAME", type=machine_name, help="whose results (default: the fullest)"
    )
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Read, measure trees, tell."""
    arguments = parser().parse_args(argv)
    history.ensure(UPSTREAM)
    machine = arguments.machine or machine_of(RESULTS)
    known = points(RESULTS, machine, UPSTREAM)
    if len([each for each in known if each.imports]) < 2:
        raise NothingMeasured(f"{machine} has counted no two releases; run make history")
    chosen = steps(known)[: arguments.steps]
    # In the order of time, as a story is told.
    chosen.sort(key=lambda step: step.after.release.timestamp, reverse=True)
    new = missing(UPSTREAM, chosen)
    if new:
        # On stderr, for the page may go to stdout.
        print(
            f"timing the imports of {len(new)} steps, ten seconds each", file=sys.stderr, flush=True
        )
    for step in new:
        keep(path_of(*step.versions), UPSTREAM, step.versions)
    written = page(known, [told(step, reasons(step)) for step in chosen], machine)
    if arguments.write:
        write_text(DOCUMENT, written)
        print(f"wrote {DOCUMENT.relative_to(ROOT)}")
    else:
        print(written, end="")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
