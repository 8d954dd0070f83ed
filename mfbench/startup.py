"""`mfbench explain startup`: time the start-up of real commands, then show it."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import click

from mfbench.foundation.errors import Failure
from mfbench.foundation.options import rounds_option
from mfbench.foundation.paths import RECORDS, UPSTREAM
from mfbench.repository.build import ensure
from mfbench.repository.series import find_commit
from mfbench.results.machines import this_machine


@click.command()
@click.argument("base")
@click.argument("head")
@click.option(
    "--only", metavar="NAME,...", help="Only some of: python, import, cli, help, show, run."
)
@rounds_option(10)
@click.option(
    "--output",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    default=RECORDS,
    help="Keep the times in its folder pyperf/ (default: records/).",
)
def command(base: str, head: str, only: str | None, rounds: int, output: Path) -> None:
    """Time the start-up of real commands at two commits with pyperf.

    BASE and HEAD are releases, branches or commits of upstream/. Each has an environment of its
    own; they alternate, process by process. Starting plain Python is the control. The times are
    kept in pyperf's own files, which python -m pyperf compare_to, stats, hist and metadata read;
    another run of the same pair replaces them.
    """
    ensure(UPSTREAM)
    commits = (find_commit(UPSTREAM, base), find_commit(UPSTREAM, head))
    if commits[0] == commits[1]:
        raise Failure(f"{base} and {head} are the same commit; name two")
    # Not above: importing benchmarks takes settings out of this process's environment.
    from mfbench.measure.startup import COMMANDS, measure_startup
    from mfbench.report.comparison_text import startup_text
    from mfbench.results.startup_times import files_of, folder_of
    from mfbench.verdict.startup import startup_rows

    names = only.split(",") if only else list(COMMANDS)
    if unknown := [name for name in names if name not in COMMANDS]:
        raise click.BadParameter(f"{unknown[0]!r} is none of {', '.join(COMMANDS)}")
    machine = this_machine()
    folder = folder_of(output, machine, *commits)
    measure_startup(commits, names, rounds, folder)
    width = shutil.get_terminal_size((160, 24)).columns
    click.echo(startup_text(startup_rows(output, machine, *commits), width), nl=False)
    files = shlex.join(os.path.relpath(path) for path in files_of(folder))
    click.echo(f"\n.venv/bin/python -m pyperf compare_to {files}")
