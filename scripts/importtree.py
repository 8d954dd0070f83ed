"""Why is an import slow? The imports of two commits as trees: what left, came, grew and shrank.

Costliest first. Each commit is exported and imported in fresh processes with ``-X importtime``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from scripts.bench import positive
from scripts.errors import Failure, run
from scripts.files import write_text
from scripts.git_command import is_repository
from scripts.import_changes import FEWEST_ROUNDS, Difference, differences
from scripts.import_times import measure
from scripts.import_trees import Side
from scripts.paths import ROOT, UPSTREAM

ENVIRONMENTS = ROOT / ".asv" / "env"
ROWS = 20


def interpreter(environments: Path = ENVIRONMENTS) -> Path:
    """Return a Python that has what metaflow needs: asv's newest, or else the running one.

    Parameters
    ----------
    environments : pathlib.Path
        Where asv keeps its environments.

    Returns
    -------
    pathlib.Path
        The interpreter, which can import requests and boto3.

    Raises
    ------
    Failure
        Where neither can.
    """
    # asv describes an environment once it is complete.
    complete = environments.glob("*/asv-env-info.json")
    newest = sorted(complete, key=lambda path: path.stat().st_mtime, reverse=True)
    for python in [*(path.parent / "bin" / "python" for path in newest), Path(sys.executable)]:
        command = [str(python), "-I", "-c", "import requests, boto3"]
        if python.exists() and subprocess.run(command, capture_output=True).returncode == 0:
            return python
    raise Failure("no Python here has requests and boto3; make bench makes one that has")


def document(
    module: str, rounds: int, sides: Sequence[Side], found: Mapping[str, Sequence[Difference]]
) -> str:
    """Write the comparison as JSON; all times are in microseconds, medians over the rounds.

    Parameters
    ----------
    module : str
        What was imported.
    rounds : int
        Processes of each side.
    sides : sequence of Side
        Before and after.
    found : mapping of str to sequence of Difference
        What `scripts.import_changes.differences` made of them.

    Returns
    -------
    str
        An object of ``module``, ``rounds``; ``before`` and ``after``, each an object of
        ``revision``, ``commit`` (hash), ``total_us``, ``modules`` (how many) and ``tree``, which
        is nested objects of ``name``, ``self_us``, ``cumulative_us``, ``children``; and ``left``,
        ``came``, ``grew``, ``shrank``, lists with the costliest first of objects of ``name``,
        ``importer`` ("" at the top), ``before_us``, ``after_us``, ``below`` (names).
    """
    written: dict[str, object] = {"module": module, "rounds": rounds}
    for key, side in zip(("before", "after"), sides):
        written[key] = {
            "revision": side.revision,
            "commit": side.commit,
            "total_us": side.tree.cumulative_us,
            "modules": len(side.rounds),
            "tree": asdict(side.tree),
        }
    written |= {kind: [asdict(each) for each in listed] for kind, listed in found.items()}
    return json.dumps(written, indent=1) + "\n"


def text(
    module: str,
    rounds: int,
    sides: Sequence[Side],
    found: Mapping[str, Sequence[Difference]],
    rows: int = ROWS,
) -> str:
    """Write the comparison as a list for a person, the costliest difference first.

    Parameters
    ----------
    module, rounds, sides, found
        As for `document`.
    rows : int, optional
        How many differences are listed; the others are added up.

    Returns
    -------
    str
        Lines; times are in milliseconds.
    """
    lines = [f"import {module}: medians of {rounds} rounds"]
    for key, side in zip(("before", "after"), sides):
        total = f"{milliseconds(side.tree.cumulative_us):>10}  {len(side.rounds):4} modules"
        lines.append(f"{key:6} {total}  {side.commit[:8]} ({side.revision})")
    total_us = sides[1].tree.cumulative_us - sides[0].tree.cumulative_us
    lines.append("")
    for kind, listed in found.items():
        changed = sum(each.change_us for each in listed)
        total_us -= changed
        count = sum(1 + len(each.below) for each in listed)
        lines.append(f"{kind:6} {milliseconds(changed, '+'):>10}  {count:4} modules")
    why = "each within its noise or a thousandth of the import"
    if rounds < FEWEST_ROUNDS:
        why = f"what grew and shrank is told from {FEWEST_ROUNDS} rounds on"
    lines += [f"{'others':6} {milliseconds(total_us, '+'):>10}  {why}", ""]
    ranked = [(kind, each) for kind, listed in found.items() for each in listed]
    ranked.sort(key=lambda pair: -abs(pair[1].change_us))
    for kind, each in ranked[:rows]:
        count = len(each.below)
        below = f" and {count} module{'s' * (count > 1)} below it" if count else ""
        who = f", imported by {each.importer}" if each.importer else ""
        lines.append(f"{kind:6} {milliseconds(each.change_us, '+'):>10}  {each.name}{below}{who}")
    if rest := ranked[rows:]:
        changed = sum(each.change_us for _, each in rest)
        lines.append(f"{'':6} {milliseconds(changed, '+'):>10}  {len(rest)} smaller ones")
    return "\n".join(lines) + "\n"


def milliseconds(microseconds: int, sign: str = "") -> str:
    """Return a time for a person."""
    return f"{microseconds / 1000:{sign}.2f} ms"


def module_name(given: str) -> str:
    """Return the name of a module, which becomes part of a program."""
    if not all(part.isidentifier() for part in given.split(".")):
        raise argparse.ArgumentTypeError(f"{given!r} is no name of a module")
    return given


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.importtree", description=__doc__)
    described.add_argument("before", metavar="BEFORE", help="a revision of upstream/: main, 2.15.0")
    described.add_argument("after", metavar="AFTER", help="another one: HEAD")
    described.add_argument(
        "--module", metavar="NAME", type=module_name, default="metaflow", help="what to import"
    )
    described.add_argument(
        "--rounds", metavar="N", type=positive, default=5, help="processes a commit (default: 5)"
    )
    described.add_argument("--format", choices=("text", "json"), default="text")
    described.add_argument("--output", metavar="FILE", type=Path, help="write there, do not print")
    described.add_argument("--top", metavar="N", type=positive, default=ROWS, help="rows of text")
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, compare and tell."""
    arguments = parser().parse_args(argv)
    if not is_repository(UPSTREAM):
        from scripts import history

        history.ensure(UPSTREAM)
    module, rounds = arguments.module, arguments.rounds
    sides = measure(UPSTREAM, (arguments.before, arguments.after), interpreter(), module, rounds)
    found = differences(*sides)
    if arguments.format == "json":
        written = document(module, rounds, sides, found)
    else:
        written = text(module, rounds, sides, found, arguments.top)
    if arguments.output is not None:
        write_text(arguments.output, written)
    else:
        print(written, end="")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
