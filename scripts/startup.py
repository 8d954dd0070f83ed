"""Start-up of real commands at two revisions of metaflow, timed by pyperf in fresh processes.

The two sides alternate, process by process, each in a virtual environment of its own. Values go to
OUTPUT/COMMIT.json, which pyperf's compare_to, stats, hist and metadata read; those of earlier
calls stay in it. They are written after each round, so that Ctrl-C loses one round at most.
"""

from __future__ import annotations

import argparse
import os
import random
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pyperf
from asv.util import human_value

from scripts import history
from scripts.bench import commits_of, positive
from scripts.errors import Failure, run
from scripts.git_command import before_interrupts
from scripts.paths import RESULTS, UPSTREAM
from scripts.progress import progress_bar
from scripts.pyperf_results import CONTROL, Finding, findings, path_of, store, stored
from scripts.side_environments import COMMANDS, Side, make_side, start_once, time_once

__all__ = ["Finding", "findings", "measure", "table"]

OUTPUT = RESULTS / "pyperf"
ROUNDS = 10
SEED = 20190312


def measure(sides: Sequence[Side], names: Sequence[str], rounds: int, folder: Path) -> None:
    """Time commands at both sides in turn, and store each round when it is complete.

    Parameters
    ----------
    sides : sequence of Side
        Before and after.
    names : sequence of str
        Keys of `COMMANDS`.
    rounds : int
        Processes of each command and side.
    folder : pathlib.Path
        Where to, one file a commit.

    Raises
    ------
    Failure
        Where a command fails, or a file can't take these values.
    """
    # What ties the values of both sides together: those of another day are not compared.
    began = datetime.now().isoformat(" ", "seconds")
    sitting = " ".join([began, *(side.commit[:8] for side in sides)])
    complete = 0
    try:
        with progress_bar() as progress:
            for name in progress.track(names, description="warming up"):
                for side in sides:
                    start_once(side, name)
            for number in progress.track(range(rounds), description="rounds"):
                runs = one_round(sides, names, number, sitting)
                with before_interrupts():
                    for side in sides:
                        store(path_of(folder, side.commit), runs[side.commit])
                    complete += 1
    except KeyboardInterrupt:
        print(f"\n{complete} of {rounds} rounds are in {folder}", file=sys.stderr)
        raise


def one_round(
    sides: Sequence[Side], names: Sequence[str], number: int, sitting: str
) -> dict[str, list[pyperf.Run]]:
    """Time each command once at each side; return the runs by commit."""
    runs: dict[str, list[pyperf.Run]] = {side.commit: [] for side in sides}
    # Another order each round, and who goes first alternates: whoever runs second may find
    # something warmer, or follow something that still writes to the disk.
    order = random.Random(SEED + number).sample(names, len(names))
    for place, name in enumerate(order):
        for side in sides if (number + place) % 2 == 0 else sides[::-1]:
            timed = time_once(side, name, sitting=sitting, commit=side.commit)
            runs[side.commit].append(timed)
    return runs


def table(found: Sequence[Finding]) -> str:
    """Return findings as text, one line a command.

    Parameters
    ----------
    found : sequence of Finding
        What `findings` returns.

    Returns
    -------
    str
        Medians, their ratio, and the ratio's 95% interval; and a warning where the control, which
        does the same on both sides, differs.
    """
    lines = [f"{'command':8} {'before':>8} {'after':>8}   before / after"]
    for each in found:
        interval = "" if each.low is None else f" ({each.low:.3g}–{each.high:.3g})"
        before, after = (human_value(value, "seconds") for value in (each.before, each.after))
        lines.append(f"{each.command:8} {before:>8} {after:>8}   {each.ratio:.3g}×{interval}")
    for each in found:
        if each.command == CONTROL and each.low and not each.low <= 1 <= (each.high or 1):
            lines.append(f"{CONTROL} is the same on both sides and differs: take more --rounds")
    return "\n".join(lines)


def names_of(text: str) -> list[str]:
    """Return the commands that --only was given, in their usual order."""
    wanted = text.split(",")
    for name in wanted:
        if name not in COMMANDS:
            known = ", ".join(COMMANDS)
            raise argparse.ArgumentTypeError(f"{name!r} is no command; there are {known}")
    return [name for name in COMMANDS if name in wanted]


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.startup", description=__doc__)
    described.add_argument("before", metavar="BEFORE", help="a revision of upstream/, as main")
    described.add_argument("after", metavar="AFTER", help="another, as HEAD")
    described.add_argument(
        "--rounds",
        metavar="NUMBER",
        type=positive,
        default=ROUNDS,
        help="processes of each command and side (default: %(default)s)",
    )
    described.add_argument(
        "--only",
        metavar="NAME,...",
        type=names_of,
        default=list(COMMANDS),
        help=f"some of {', '.join(COMMANDS)}",
    )
    described.add_argument(
        "--output",
        metavar="FOLDER",
        type=Path,
        default=OUTPUT,
        help="where values are stored (default: results/pyperf)",
    )
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, store, and say what came of it."""
    arguments = parser().parse_args(argv)
    history.ensure(UPSTREAM)
    commits = commits_of([arguments.before, arguments.after])
    if commits[0] == commits[1]:
        raise Failure(f"{arguments.before} and {arguments.after} are the same commit; name two")
    paths = [path_of(arguments.output, commit) for commit in commits]
    for path in paths:
        # What can't be added to is found before minutes of measuring, not after.
        stored(path)
    sides = []
    for commit in commits:
        print(f"environment of {commit[:8]}", flush=True)
        sides.append(make_side(commit))
    # An installation that is still on its way to the disk would slow down what comes next.
    os.sync()
    measure(sides, arguments.only, arguments.rounds, arguments.output)
    print(f"\n{table(findings(arguments.output, *commits))}")
    print(f"\n.venv/bin/python -m pyperf compare_to {shlex.join(map(os.path.relpath, paths))}")
    return 0


if __name__ == "__main__":
    sys.exit(run(main))
