"""Measure many commits, each in a clone of its own, here or on a cluster: a metaflow flow.

    python scripts/backfill.py run --max-workers 1
    python scripts/backfill.py resume
    python scripts/backfill.py run --with kubernetes --project ADDRESS --machine NAME

It imports nothing of this project: a task runs the commands of its clone.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

try:
    from metaflow import FlowSpec, Parameter, catch, current, step
    from metaflow.exception import MetaflowException
except ModuleNotFoundError as missing:
    sys.exit(f"error: {missing}; run make setup, then: source .venv/bin/activate")

PROJECT = Path(__file__).resolve().parent.parent
MFBENCH = (".venv/bin/python", "-m", "mfbench")
SOME_BENCHMARKS_FAILED = 2


def all_releases(context: Any) -> str:
    """Return all releases, separated by commas; metaflow calls this where a run is started."""
    listed = (PROJECT / "mfbench" / "repository" / "releases.json").read_text()
    return ",".join(release["version"] for release in json.loads(listed)["releases"])


def run(folder: Path, *command: str, allowed: Collection[int] = (0,)) -> tuple[int, str]:
    """Run a command and show what it prints; return its exit code and last line.

    Whatever stops this task stops all that the command has started.
    """
    # Metaflow and clusters stop a task by SIGTERM.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    last = ""
    with subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            for line in process.stdout or ():
                print(line, end="", flush=True)
                last = line.strip() or last
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode not in allowed:
        raise MetaflowException(f"{' '.join(command)} ended with {process.returncode}: {last}")
    return process.returncode, last


class Backfill(FlowSpec):
    """Measure commits of upstream/ that a machine has no results of, and merge the results."""

    project = Parameter(
        "project", help="address or path of this project, for git clone", default=str(PROJECT)
    )
    into = Parameter("into", help="checkout that takes the results", default=str(PROJECT))
    commits = Parameter(
        "commits", help="revisions of upstream/, separated by commas", default=all_releases
    )
    bench = Parameter(
        "bench", help="as in asv run --bench", default=r"^(instructions|imports\.Footprint)\."
    )
    rounds = Parameter(
        "rounds", help="samples of each case; 0: as many as each benchmark asks for", default=0
    )
    machine = Parameter("machine", help="the name to store results under", default="backfill")

    @step
    def start(self) -> None:
        """List each commit once."""
        self.revisions = list(dict.fromkeys(re.findall(r"[^,\s]+", self.commits)))
        self.next(self.measure, foreach="revisions")

    @catch(var="failure", print_exception=False)
    @step
    def measure(self) -> None:
        """Measure one commit in a clone of the project; keep the files as an artifact."""
        self.failure, self.files = None, {}
        if shutil.which("valgrind") is None:
            # asv would skip what it counts, and the commit would pass as measured.
            raise MetaflowException("valgrind is missing, and counting needs it; install it")
        with tempfile.TemporaryDirectory(prefix="backfill-") as name:
            clone = Path(name) / "project"
            run(Path(), "git", "clone", "--quiet", self.project, str(clone))
            run(clone, "make", "setup", f"PYTHON={sys.executable}")
            run(clone, *MFBENCH, "setup")
            _, commit = run(clone, "git", "-C", "upstream", "rev-parse", f"{self.input}^{{commit}}")
            pattern = f"results/{self.machine}/{commit[:8]}-*.json"
            # The checkout that takes the results may hold some that are not committed.
            if any(found for folder in (clone, Path(self.into)) for found in folder.glob(pattern)):
                self.outcome = "was measured before"
            else:
                options = ["--machine", self.machine, "--record-samples", "--bench", self.bench]
                options += ["--attribute", f"rounds={self.rounds}"] if self.rounds else []
                command = [".venv/bin/asv", "run", *options, f"{commit}^!"]
                code, _ = run(clone, *command, allowed=(0, SOME_BENCHMARKS_FAILED))
                self.outcome = "measured, and some benchmarks failed" if code else "measured"
                paths = [clone / "results" / self.machine / "machine.json", *clone.glob(pattern)]
                self.files = {f"{self.machine}/{path.name}": path.read_text() for path in paths}
        self.next(self.join)

    @step
    def join(self, inputs: Any) -> None:
        """Merge what was measured into the checkout that takes it, and check all that it has."""
        self.files, self.outcomes, self.missing = {}, {}, []
        for task in inputs:
            # A task that was killed has no more than its input and the failure.
            if failure := getattr(task, "failure", None):
                self.missing.append(task.input)
                # @catch keeps a wrapper, whose own text is a traceback.
                self.outcomes[task.input] = str(getattr(failure, "exception", failure))
            else:
                self.outcomes[task.input] = task.outcome
                self.files |= task.files
        self.faults = 0
        # A task on a cluster sees no checkout; `mfbench results take` merges and checks then.
        self.is_merged = (Path(self.into) / ".venv").exists()
        if self.is_merged:
            with tempfile.TemporaryDirectory(prefix="backfill-") as name:
                for place, text in self.files.items():
                    (Path(name) / place).parent.mkdir(exist_ok=True)
                    (Path(name) / place).write_text(text)
                run(Path(self.into), *MFBENCH, "setup")
                for verb in (["merge", name], ["check"]):
                    command = [*MFBENCH, "results", *verb]
                    self.faults += run(Path(self.into), *command, allowed=(0, 1))[0]
        self.next(self.end)

    @step
    def end(self) -> None:
        """Print the outcomes; fail if a commit has no results or a file was refused."""
        for revision, outcome in self.outcomes.items():
            print(f"{revision}: {outcome}")
        if not self.is_merged:
            print(f"take the results with: mfbench results take {current.run_id}")
        if self.missing:
            raise MetaflowException(
                f"{len(self.missing)} of {len(self.outcomes)} commits have no results; "
                f"run again with: --commits {','.join(self.missing)}"
            )
        if self.faults:
            raise MetaflowException("files were refused, or are damaged: see what join printed")


if __name__ == "__main__":
    # Metaflow lets a foreach have a hundred tasks unless told otherwise; releases are more.
    os.environ.setdefault("METAFLOW_RUN_MAX_NUM_SPLITS", "10000")
    os.environ.setdefault("METAFLOW_RESUME_MAX_NUM_SPLITS", "10000")
    Backfill()
