"""The command ``mfbench prove harmless``: harmless edits cause no false alarms."""

from __future__ import annotations

import json
from typing import Any

import click

from mfbench.explain.sensitivity import HARMLESS, measured, prepare, write_page
from mfbench.foundation.files import write_text
from mfbench.foundation.git_command import git, git_bytes
from mfbench.foundation.paths import RESULTS, UPSTREAM
from mfbench.measure.profiles import PROFILES
from mfbench.measure.selection import counts_of, timed_cases
from mfbench.repository.commits import NewCommit, write_commits
from mfbench.repository.control import write_control
from mfbench.results.benchmarks import read_benchmarks

FILES = (
    "metaflow/__init__.py",
    "metaflow/cli.py",
    "metaflow/multicore_utils.py",
    "metaflow/datastore/task_datastore.py",
    "metaflow/datastore/content_addressed_store.py",
)
COMMENT = "\n# This changes nothing.\n"
FUNCTION = "\n\ndef _harmless(first, second=None):\n    return [first, second]\n"


@click.command()
def command() -> None:
    """Check that harmless edits cause no false alarms.

    Measures throw-away commits on the newest release. Each adds constants, a comment, an unused
    function or an unused module; none changes what runs. A quarter of an hour on an idle machine.
    Keeps what was measured in records/harmless.json, and writes docs/sensitivity.md anew.
    """
    found = measure_all(prepare())
    write_text(HARMLESS, json.dumps(found, indent=1) + "\n")
    write_page()


def measure_all(base: str) -> dict[str, Any]:
    """Count all edits, and time some of them; return it as records/harmless.json holds it."""
    benchmarks = read_benchmarks(RESULTS)
    edits = write_edits(base)
    counts = measured({"before": base} | edits, counts_of(benchmarks), 1)
    # Time one edit per file; together they cover every kind.
    names = [*list(edits)[:: len(FILES)], list(edits)[-1]]
    sides = {"before": base, "control": write_control(UPSTREAM, base)}
    timed = sides | {name: edits[name] for name in names}
    # Cases that run no code of metaflow are never judged.
    cases = [
        case
        for case in timed_cases(benchmarks, "quick")
        if benchmarks[case.benchmark].runs_metaflow
    ]
    return {"counts": counts, "times": measured(timed, cases, PROFILES["quick"])}


def write_edits(base: str) -> dict[str, str]:
    """Write 20 commits on `base`, four for each file; return them by what they do."""
    seconds = int(git(UPSTREAM, "show", "-s", "--format=%ct", base)) + 60
    written = {}
    for number, path in enumerate(FILES, 1):
        source = git_bytes(UPSTREAM, "show", f"{base}:{path}").decode()
        constants = "".join(f"\n_HARMLESS_{each} = {each}\n" for each in range(number))
        changes = {
            f"constants ({number}) in {path}": {path: source + constants},
            f"a comment in {path}": {path: source + COMMENT},
            f"an unused function in {path}": {path: source + FUNCTION},
            f"another module beside {path}": {path.replace(".py", "_harmless.py"): FUNCTION},
        }
        for message, files in changes.items():
            new = NewCommit(message, files, seconds)
            written[message] = write_commits(UPSTREAM, base, [new])[0]
    return written
