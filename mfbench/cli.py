"""The command `mfbench`: which module each sub-command lives in.

A sub-command's module is loaded when it is needed, so that help and errors come at once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from mfbench.foundation.errors import run
from mfbench.foundation.terminal import use_plain_characters

# The module and the name of each command in it.
COMMANDS = {
    "setup": "mfbench.repository.build:command",
    "run": "mfbench.run:command",
    "renew": "mfbench.renew:command",
    "compare": "mfbench.report.compare:command",
    "comment": "mfbench.report.comment:command",
    "explain": {
        "imports": "mfbench.explain.imports:command",
        "startup": "mfbench.startup:command",
        "commit": "mfbench.explain.bisect:command",
    },
    "optimize": {
        "list": "mfbench.report.optimize_list:command",
        "apply": "mfbench.repository.optimize:apply_command",
        "check": "mfbench.repository.optimize:check_command",
        "export": "mfbench.report.export:command",
    },
    "results": {
        "check": "mfbench.results.check:command",
        "merge": "mfbench.results.merge:command",
        "take": "mfbench.results.take:command",
        "export": "mfbench.results.export:command",
        "thin": "mfbench.results.thin:command",
    },
    "report": "mfbench.report.report:command",
    "update": "mfbench.update:command",
    "watch": "mfbench.watch:command",
    "doctor": "mfbench.explain.doctor:command",
    "prove": {
        "sensitivity": "mfbench.explain.sensitivity:command",
        "harmless": "mfbench.explain.harmless:command",
        "unit-tests": "mfbench.explain.unit_tests:command",
    },
}
# One line each; a command's own help says the rest.
HELP = {
    "setup": "Build upstream/, the repository under test.",
    "run": "Measure two commits and a control, the series, or every release.",
    "renew": "Measure what other versions of pinned packages change; pin them.",
    "compare": "Compare two commits by their results; measure nothing.",
    "comment": "Make the comment on a pull request from a comparison's JSON.",
    "explain": "Find out why: imports, the commit that changed a case, start-up.",
    "optimize": "List, apply, check and export the optimisations.",
    "results": "Check, merge, export and thin out results/.",
    "report": "Make the generated documents: README's table, STATUS.md, docs/.",
    "update": "Take in new releases: measure them, write documents and site.",
    "watch": "Judge new releases: record what each changed, and why.",
    "doctor": "Say what on this machine disturbs measurements.",
    "prove": "Prove that verdicts are right and optimisations break no test.",
}
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class LazyGroup(click.Group):
    """A group whose commands are loaded by name."""

    def __init__(self, table: dict[str, Any], **settings: Any) -> None:
        super().__init__(**settings)
        self.table = table

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(self.table)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Load a command, or make the group that stands for it."""
        place = self.table.get(name)
        if place is None:
            return None
        if isinstance(place, dict):
            return LazyGroup(place, name=name, help=HELP[name])
        module, _, attribute = place.partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each command, without loading those whose line is known."""
        rows = [
            (name, HELP.get(name) or self.get_command(context, name).get_short_help_str(80))  # type: ignore[union-attr]
            for name in self.table
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


mfbench = LazyGroup(
    COMMANDS,
    name="mfbench",
    help="Benchmark metaflow's releases and optimisations.",
    context_settings=SETTINGS,
)


def main() -> None:
    """Run the command line; print one line about whatever goes wrong."""

    def call() -> None:
        # Not `mfbench()`: that turns a closed pipe into exit code 1, which is an answer here.
        with mfbench.make_context("mfbench", sys.argv[1:]) as context:
            mfbench.invoke(context)

    use_plain_characters()
    sys.exit(run(call))
