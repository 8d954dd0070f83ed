"""The command ``mfbench explain imports``: which modules make an import slower or faster."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from mfbench.asv_plugin import THIS_PYTHON
from mfbench.explain.import_changes import Difference, differences
from mfbench.explain.import_trees import CommitImports, measure
from mfbench.foundation.errors import Failure
from mfbench.foundation.options import format_option, output_option, rounds_option, write_or_print
from mfbench.foundation.paths import ROOT, UPSTREAM

ENVIRONMENTS = ROOT / ".asv" / "env"
MODULE = "metaflow"
# With fewer, ranks could hardly tell one module's change from chance among a hundred others.
ROUNDS = 10
ROWS = 20
# How the text calls what the JSON has under these names.
WORDS = {"left": "removed", "came": "added", "grew": "slower", "shrank": "faster"}
Differences = Mapping[str, Sequence[Difference]]


@click.command()
@click.argument("base")
@click.argument("head")
@click.option("--module", metavar="NAME", default=MODULE, show_default=True, help="What to import.")
@rounds_option(ROUNDS)
@click.option(
    "--top", metavar="N", type=click.IntRange(min=1), default=ROWS, show_default=True,
    help="How many modules the text lists.",
)  # fmt: skip
@format_option("text", "json")
@output_option
def command(
    base: str, head: str, module: str, rounds: int, top: int, form: str, output: Path | None
) -> None:
    """List the modules that make an import slower or faster.

    BASE and HEAD are releases, branches or commits of upstream/. Fresh processes import metaflow of
    BASE and of HEAD in turn, under python -X importtime. The list has modules that were removed or
    added, and modules that take more or less time themselves; the largest difference comes first.
    """
    sides = measure(UPSTREAM, (base, head), interpreter(), module, rounds)
    found = differences(*sides)
    told = (module, rounds, sides, found)
    write_or_print(document(*told) if form == "json" else text(*told, top), output)


def interpreter(environments: Path = ENVIRONMENTS) -> Path:
    """Return a Python that has what metaflow needs: one of asv's, or else the running one."""
    alike = sorted(environments.glob(f"*/bin/python{THIS_PYTHON}"))
    for python in [*alike, Path(sys.executable)]:
        command = [str(python), "-I", "-c", "import requests, boto3"]
        if subprocess.run(command, capture_output=True).returncode == 0:
            return python
    raise Failure("no Python here has requests and boto3; make one that has: mfbench run")


def document(module: str, rounds: int, sides: Sequence[CommitImports], found: Differences) -> str:
    """Return the comparison as JSON; times are in microseconds, medians over the rounds.

    "before" and "after" hold a commit's total and its tree of imports; "left", "came", "grew" and
    "shrank" list what `mfbench.explain.import_changes.differences` found.
    """
    written: dict[str, object] = {"module": module, "rounds": rounds}
    for key, side in zip(("before", "after"), sides):
        written[key] = {
            "revision": side.revision,
            "commit": side.commit,
            "total_us": side.tree.cumulative_us,
            "modules": len(side.own_us),
            "tree": asdict(side.tree),
        }
    written |= {kind: [asdict(each) for each in listed] for kind, listed in found.items()}
    return json.dumps(written, indent=1) + "\n"


def text(
    module: str, rounds: int, sides: Sequence[CommitImports], found: Differences, top: int
) -> str:
    """Return the comparison as a list of the `top` largest differences; the others are added up."""
    lines = [f"import {module}: medians of {rounds} rounds"]
    for name, side in zip(("base", "head"), sides):
        total = f"{name:7} {side.tree.cumulative_us / 1000:10.2f} ms"
        lines.append(f"{total}  {len(side.own_us)} modules, {side.revision} ({side.commit[:8]})")
    lines.append("")
    ranked = [(WORDS[kind], each) for kind, listed in found.items() for each in listed]
    ranked.sort(key=lambda pair: -abs(pair[1].change_us))
    rest_us = sides[1].tree.cumulative_us - sides[0].tree.cumulative_us
    for word, each in ranked[:top]:
        rest_us -= each.change_us
        by = f", imported by {each.importer}" if each.importer else ""
        lines.append(
            f"{word:7} {each.change_us / 1000:+10.2f} ms  {each.name}{each.below_text}{by}"
        )
    rest = f"{len(ranked[top:])} smaller differences, and modules without a clear difference"
    if rounds < ROUNDS:
        rest += f" ({ROUNDS} rounds show which are slower or faster)"
    return "\n".join([*lines, f"others  {rest_us / 1000:+10.2f} ms  {rest}\n"])
