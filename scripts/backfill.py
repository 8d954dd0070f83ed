"""Measure many commits, each in a clone of its own, here or on a cluster: a metaflow flow.

    python scripts/backfill.py run --max-workers 1
    python scripts/backfill.py resume
    python scripts/backfill.py run --with kubernetes --project ADDRESS --machine NAME

Nothing of this project is imported here: what a task needs, it clones.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from metaflow import FlowSpec, Parameter, card, catch, current, retry, step
from metaflow.cards import Markdown, ProgressBar, Table
from metaflow.exception import MetaflowException

HERE = Path(__file__).resolve().parent
# Read where the run is started: a cluster's tasks have no such file.
RELEASES = HERE / "releases.json"
PERCENT = re.compile(r"^\[\s*([\d.]+)%\]")
LINES_TOLD = 30
MOST_TOLD = 400
# What asv installs and a benchmark writes, in bytes.
ROOM = 1024**3


class Failed(MetaflowException):
    """What happened, in one line; of its own kind of exception metaflow shows no traceback."""

    headline = "Backfill failed"


def all_releases() -> str:
    """Return all releases, newest first, with commas between."""
    if not RELEASES.exists():
        return ""
    listed = json.loads(RELEASES.read_text())["releases"]
    return ",".join(entry["version"] for entry in reversed(listed))


def said(
    command: Sequence[str], folder: Path, watch: Callable[[str], None] = lambda line: None
) -> tuple[int, str]:
    """Run a command and return its exit code and its last lines.

    Parameters
    ----------
    command : sequence of str
        What to run.
    folder : pathlib.Path
        Where.
    watch : callable, optional
        Is given each line as it comes.
    """
    # Settings of the flow's own run are no settings of what is measured.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("METAFLOW_")}
    kept |= {name: value for name, value in os.environ.items() if name.endswith("BENCHMARKS_CACHE")}
    lines: list[str] = []
    # By SIGTERM metaflow and clusters end a task, and it ends what it runs.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with subprocess.Popen(
        command,
        cwd=folder,
        env=kept,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # A group of its own: asv's own children end with it.
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines = [*lines[1 - LINES_TOLD :], line]
                watch(line)
            process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, "".join(lines)


def run(command: Sequence[str], folder: Path) -> str:
    """Run a command that has to succeed, and return its last lines."""
    code, lines = said(command, folder)
    if code != 0:
        raise failed(command, code, lines)
    return lines


def failed(command: Sequence[str], code: int, lines: str) -> Failed:
    """Print what a command said, and return its last line as the reason why it failed."""
    print(lines)
    reason = ([line.strip() for line in lines.splitlines() if line.strip()] or ["no word"])[-1]
    return Failed(f"{' '.join(map(str, command))} ended with {code}: {reason}")


def clone(project: str, folder: Path) -> None:
    """Clone this project, set it up and build the repository under test."""
    source = str(Path(project).resolve()) if Path(project).exists() else project
    run(["git", "clone", "--quiet", "--", source, str(folder)], folder.parent)
    run(["make", "setup", f"PYTHON={sys.executable}"], folder)
    run([".venv/bin/python", "-m", "scripts.history"], folder)


def measured(
    commit: str, options: Sequence[str], folder: Path, watch: Callable[[str], None]
) -> str:
    """Let asv measure a commit in a clone of this project, and say what came of it."""
    require_room(folder)
    command = [".venv/bin/asv", "run", *options, f"{commit}^!"]
    code, lines = said(command, folder, watch)
    # 2: benchmarks failed, which is recorded among the results. On a full disk it says nothing.
    require_room(folder)
    if code not in (0, 2):
        raise failed(command, code, lines)
    return "measured" if code == 0 else "measured, and some benchmarks failed"


def require_room(folder: Path) -> None:
    """Refuse to measure on a full disk."""
    if shutil.disk_usage(folder).free < ROOM:
        raise Failed(f"less than 1 GB is left on the disk of {folder}; make room")


def require_counter(named: str) -> None:
    """Refuse counts where they would be skipped: that is as good as measured."""
    if "instructions" in named and shutil.which("valgrind") is None:
        raise Failed("counts need valgrind, and there is none; install it, or change --bench")


def read_results(folder: Path, machine: str) -> dict[str, str]:
    """Return the files that asv has written for a machine, by their paths below results/."""
    files = [*(folder / machine).glob("*.json"), folder / "benchmarks.json"]
    return {str(path.relative_to(folder)): path.read_text() for path in files}


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
        default=str(HERE.parent),
    )
    into = Parameter(
        "into",
        help="checkout whose results/ takes what was measured; empty for the artifact alone",
        default=str(HERE.parent),
    )
    commits = Parameter(
        "commits",
        help="revisions of upstream/ with commas between (default: all releases)",
        default=all_releases(),
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
        """Say which commits are to be measured, each once."""
        self.revisions = list(dict.fromkeys(re.findall(r"[^,\s]+", self.commits)))
        if not self.revisions:
            raise Failed("--commits names no revision")
        if not re.fullmatch(r"\w[\w.-]*", self.machine):
            raise Failed(f"{self.machine!r} is no name of a machine: use letters, digits, . _ -")
        if self.rounds < 0:
            raise Failed(f"--rounds {self.rounds} is no number of samples")
        try:
            re.compile(self.bench)
        except re.error as problem:
            raise Failed(f"--bench {self.bench} is no regular expression: {problem}") from None
        self.next(self.measure, foreach="revisions")

    # A card that is drawn anew takes a process: seldom, for something is measured beside it.
    @card(type="blank", refresh_interval=60)
    @catch(var="failure", print_exception=False)
    @retry(times=1, minutes_between_retries=0)
    @step
    def measure(self) -> None:
        """Measure one commit in a clone of its own."""
        self.failure, self.outcome = None, "was measured before"
        self.files: dict[str, str] = {}
        progress = ProgressBar(max=100, label=f"measured of {self.input}")
        current.card.append(Markdown(f"# {self.input}"))
        current.card.append(progress)

        require_counter("instructions" if re.search(self.bench, "instructions.") else self.bench)

        def watch(line: str) -> None:
            if found := PERCENT.match(line):
                progress.update(int(float(found[1])))
                current.card.refresh()

        with tempfile.TemporaryDirectory(prefix="backfill-") as name:
            folder = Path(name) / "project"
            clone(self.project, folder)
            results = folder / "results"
            naming = ["git", "-C", "upstream", "rev-parse", "--verify", f"{self.input}^{{commit}}"]
            commit = run(naming, folder).strip()
            # Where they are merged into, they may lie without being committed.
            places = [results, Path(self.into or folder) / "results"]
            before = f"{self.machine}/{commit[:8]}-*.json"
            if not any(path for place in places for path in place.glob(before)):
                # Only what is measured here is handed on.
                for path in results.glob("*/*-*.json"):
                    path.unlink()
                options = ["--machine", self.machine, "--record-samples", "--bench", self.bench]
                options += ["--attribute", f"rounds={self.rounds}"] if self.rounds else []
                self.outcome = measured(commit, options, folder, watch)
                files = sorted((results / self.machine).glob("*-*.json"))
                require_counter("".join(path.read_text() for path in files))
                self.files = read_results(results, self.machine)
        self.next(self.join)

    @card(type="blank")
    @step
    def join(self, inputs: Any) -> None:
        """Merge and check what all tasks gave; nothing that is there is changed."""
        self.table: list[list[str]] = []
        self.files = {}
        self.missing: list[str] = []
        with tempfile.TemporaryDirectory(prefix="backfill-") as name:
            target = Path(self.into)
            self.elsewhere = not self.into or not (target / ".venv").exists()
            if self.elsewhere:
                # On a cluster: what was merged is taken home by scripts.take_backfill.
                target = Path(name) / "project"
                clone(self.project, target)
            for each in inputs:
                # A task that was killed has its input and the failure, and nothing else.
                given, failure = getattr(each, "files", {}), getattr(each, "failure", None)
                outcome = getattr(each, "outcome", "")
                if given:
                    folder = Path(name) / str(each.index)
                    write_results(given, folder)
                    merging = [".venv/bin/python", "-m", "scripts.results", "merge", str(folder)]
                    code, lines = said(merging, target)
                    merged = " ".join(lines.strip().splitlines()[-2 if code else -1 :])
                    failure = failure or (merged if code else None)
                    outcome = f"{outcome}: {merged}"
                    self.files |= {} if code else given
                if failure:
                    self.missing.append(each.input)
                    # What @catch keeps is a wrapper, whose own text is a traceback.
                    reason = str(getattr(failure, "exception", failure))
                    outcome = " ".join(reason.split())[-MOST_TOLD:]
                self.table.append([each.input, outcome])
            checking = [".venv/bin/python", "-m", "scripts.results", "check"]
            self.unsound, self.checked = said(checking, target)
        current.card.append(Markdown(f"# {len(self.table)} commits"))
        current.card.append(Table(self.table, headers=["commit", "what came of it"]))
        current.card.append(Markdown(f"    {self.checked}"))
        self.next(self.end)

    @step
    def end(self) -> None:
        """Tell, and end as a failure where something was not measured, not taken, or not sound."""
        for revision, outcome in self.table:
            print(f"{revision}: {outcome}")
        print(self.checked)
        if self.elsewhere and self.files:
            taking = f"python -m scripts.take_backfill {current.run_id}"
            print(f"--into names no checkout with a .venv here; {taking} takes the results")
        if self.missing:
            again = ",".join(self.missing)
            raise Failed(f"of {len(self.table)} commits, these gave nothing: --commits {again}")
        if self.unsound:
            raise Failed("results/ is not sound, see above")


if __name__ == "__main__":
    # All releases are more than the hundred that metaflow lets a foreach have, unless it is told.
    for command in ("RUN", "RESUME"):
        os.environ.setdefault(f"METAFLOW_{command}_MAX_NUM_SPLITS", "10000")
    Backfill()
