"""Measure many commits, each in a clone of its own, here or on a cluster: a metaflow flow.

    python scripts/backfill.py run --max-workers 1
    python scripts/backfill.py resume
    python scripts/backfill.py run --with kubernetes --project ADDRESS --machine NAME

Nothing of this project is imported here: what a task needs, it clones.
"""

import os
import sys

# Next to this file lies a bisect.py, which is not the one that Python's own modules import.
HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 (pathlib comes later)
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != HERE]  # noqa: PTH100

import json  # noqa: E402
import re  # noqa: E402
import subprocess  # noqa: E402
import tempfile  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from metaflow import FlowSpec, Parameter, card, catch, current, retry, step  # noqa: E402
from metaflow.cards import Markdown, ProgressBar, Table  # noqa: E402

PERCENT = re.compile(r"^\[\s*([\d.]+)%\]")
LINES_TOLD = 30


class Failed(Exception):
    """What happened, in one line."""


def said(
    command: Sequence[str], folder: Path, watch: Callable[[str], None] = lambda line: None
) -> tuple[int, str]:
    """Run a command and return its last lines.

    Parameters
    ----------
    command : sequence of str
        What to run.
    folder : pathlib.Path
        Where.
    watch : callable, optional
        Is given each line as it comes.

    Returns
    -------
    int, str
        Its exit code, and its last lines.
    """
    # Settings of the flow's own run are no settings of what is measured.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_")}
    kept |= {name: value for name, value in os.environ.items() if name.endswith("BENCHMARKS_CACHE")}
    lines: list[str] = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines = [*lines[1 - LINES_TOLD :], line]
            watch(line)
    return process.returncode, "".join(lines)


def run(
    command: Sequence[str],
    folder: Path,
    watch: Callable[[str], None] = lambda line: None,
    allowed: Sequence[int] = (0,),
) -> str:
    """Run a command that has to succeed, and return its last lines."""
    code, lines = said(command, folder, watch)
    if code not in allowed:
        raise Failed(f"{' '.join(map(str, command))} ended with {code}:\n{lines}")
    return lines


def clone(project: str, folder: Path) -> None:
    """Clone this project, set it up and build the repository under test."""
    run(["git", "clone", "--quiet", "--", project, str(folder)], folder.parent)
    run(["make", "setup", f"PYTHON={sys.executable}"], folder)
    run([".venv/bin/python", "-m", "scripts.history"], folder)


def read_results(folder: Path) -> dict[str, str]:
    """Return the files below results/ that asv has written, by their paths in it."""
    files = [*folder.glob("*/*-*.json"), *folder.glob("*/machine.json"), folder / "benchmarks.json"]
    return {str(path.relative_to(folder)): path.read_text() for path in files if path.exists()}


def write_results(files: dict[str, str], folder: Path) -> None:
    """Write what `read_results` has read."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


class Backfill(FlowSpec):
    """Measure commits of upstream/ that a machine has no results of, and merge what they gave."""

    project = Parameter(
        "project",
        help="address or path of this project, to be cloned by each task",
        default=str(Path(HERE).parent),
    )
    into = Parameter(
        "into",
        help="checkout whose results/ takes what was measured; empty for the artifact alone",
        default=str(Path(HERE).parent),
    )
    commits = Parameter(
        "commits",
        help="revisions of upstream/ with commas between; empty for all releases",
        default="",
    )
    bench = Parameter(
        "bench", help="as in asv run --bench", default=r"^(instructions|imports\.Footprint)\."
    )
    rounds = Parameter(
        "rounds", help="samples a case; 0 for what each benchmark asks for", default=0
    )
    machine = Parameter("machine", help="the name to store results under", default="backfill")

    @step
    def start(self) -> None:
        """Say which commits are to be measured."""
        self.revisions = [name for name in self.commits.split(",") if name]
        if not self.revisions:
            listed = json.loads((Path(HERE) / "releases.json").read_text())["releases"]
            self.revisions = [entry["version"] for entry in listed][::-1]
        if not re.fullmatch(r"\w[\w.-]*", self.machine):
            raise Failed(f"{self.machine!r} is no name of a machine: use letters, digits, . _ -")
        self.next(self.measure, foreach="revisions")

    @card(type="blank", refresh_interval=5)
    @catch(var="failure", print_exception=True)
    @retry(times=1, minutes_between_retries=0)
    @step
    def measure(self) -> None:
        """Measure one commit in a clone of its own."""
        self.revision, self.files, self.failure = self.input, {}, None
        progress = ProgressBar(max=100, label=f"measured of {self.revision}")
        current.card.append(Markdown(f"# {self.revision}"))
        current.card.append(progress)

        def watch(line: str) -> None:
            if found := PERCENT.match(line):
                progress.update(float(found[1]))
                current.card.refresh()

        with tempfile.TemporaryDirectory(prefix="backfill-") as name:
            folder = Path(name) / "project"
            clone(self.project, folder)
            for path in folder.glob("results/*/*-*.json"):
                path.unlink()
            options = ["--machine", self.machine, "--record-samples", "--bench", self.bench]
            options += ["--attribute", f"rounds={self.rounds}"] if self.rounds else []
            measuring = [".venv/bin/asv", "run", *options, f"{self.revision}^!"]
            # 2: some benchmarks failed, which is recorded among the results.
            self.log = run(measuring, folder, watch, allowed=(0, 2))
            mine = folder / "results"
            self.files = {
                name: text
                for name, text in read_results(mine).items()
                if name.startswith(f"{self.machine}/") or "/" not in name
            }
        self.next(self.join)

    @card(type="blank")
    @step
    def join(self, inputs: Any) -> None:
        """Merge and check what all tasks gave; nothing that is there is changed."""
        self.merge_artifacts(inputs, include=["revisions"])
        self.failures = {each.revision: str(each.failure) for each in inputs if each.failure}
        self.table, self.files = [], {}
        with tempfile.TemporaryDirectory(prefix="backfill-") as name:
            target = Path(self.into or Path(name) / "project")
            if not self.into:
                clone(self.project, target)
            for each in inputs:
                outcome = self.failures.get(each.revision, "").strip().splitlines()[-1:]
                if each.files:
                    given = Path(name) / each.revision.replace("/", "_")
                    write_results(each.files, given)
                    merging = [".venv/bin/python", "-m", "scripts.results", "merge", str(given)]
                    code, lines = said(merging, target)
                    outcome = lines.strip().splitlines()[-2 if code else -1 :]
                    if code:
                        self.failures[each.revision] = " ".join(outcome)
                    else:
                        self.files |= each.files
                self.table.append([each.revision, " ".join(outcome)])
            checking = [".venv/bin/python", "-m", "scripts.results", "check"]
            self.checked = said(checking, target)[1]
        current.card.append(Markdown(f"# {len(self.revisions)} commits"))
        current.card.append(Table(self.table, headers=["commit", "what came of it"]))
        current.card.append(Markdown(f"    {self.checked}"))
        self.next(self.end)

    @step
    def end(self) -> None:
        """Tell, and end as a failure where something was not measured or not taken."""
        for revision, outcome in self.table:
            print(f"{revision}: {outcome}")
        print(self.checked)
        if self.failures:
            raise Failed(f"{len(self.failures)} of {len(self.table)} commits gave nothing")


if __name__ == "__main__":
    Backfill()
