"""Run metaflow's own unit tests on two commits, and tell which of them end differently.

The sdists don't hold them: they come from a clone of metaflow. What fails on both says nothing
about the series (it may need what this machine has not), so only differences count.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import uv

from benchmarks.surroundings import child_environment
from scripts.errors import Failure, run
from scripts.git_command import git_bytes
from scripts.paths import ROOT, UPSTREAM

TESTS = Path("test") / "unit"
ENVIRONMENT = ROOT / ".asv" / "unit-tests"
CONSTRAINTS = ROOT / "constraints.txt"
# What the tests import, and metaflow; a test that needs more fails on both commits.
PACKAGES = (
    "pytest",
    "pytest-mock",
    "requests",
    "boto3",
    "pyyaml",
    "pandas",
    "isal",
)
OUTCOMES = ("failure", "error", "skipped")
QUIETLY = ("-p", "no:cacheprovider", "-q")


def make_environment(folder: Path = ENVIRONMENT) -> Path:
    """Make the environment that the tests run in, or find the one of an earlier call.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Where environments are kept, one for each Python, list of packages and pins.

    Returns
    -------
    pathlib.Path
        Its Python.

    Raises
    ------
    Failure
        Where it can't be made, as without a network.
    """
    wanted = "\n".join([sys.version, *PACKAGES, CONSTRAINTS.read_text(encoding="utf-8")]).encode()
    kept = folder / hashlib.sha256(wanted).hexdigest()[:8]
    if not kept.exists():
        folder.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=folder))
        tool, python = uv.find_uv_bin(), beside / "bin" / "python"
        try:
            install(tool, "venv", "-q", "--allow-existing", "--python", sys.executable, str(beside))
            pinned = ("--constraint", str(CONSTRAINTS))
            install(tool, "pip", "install", "-q", "--python", str(python), *pinned, *PACKAGES)
            # Somebody else may have made it meanwhile.
            with suppress(OSError):
                beside.rename(kept)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return kept / "bin" / "python"


def install(*command: str) -> None:
    """Run a command that installs something; tell the first line of why it could not."""
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode != 0:
        reason = (finished.stderr.strip().splitlines() or ["no reason given"])[0]
        reason = reason.strip(" ×").removeprefix("error: ").rstrip(":")
        raise Failure(f"no environment for metaflow's tests ({reason}); run again with a network")


def outcomes(python: Path, commit: str, clone: Path, selected: str = "") -> dict[str, str]:
    """Run the tests of a clone on a commit.

    Parameters
    ----------
    python : pathlib.Path
        The interpreter that has pytest.
    commit : str
        Any name of a commit of `upstream/`.
    clone : pathlib.Path
        The clone; its work tree is copied, not changed.
    selected : str, optional
        What pytest takes as ``-k``.

    Returns
    -------
    dict of str to str
        By the test's name: passed, failure, error or skipped.

    Raises
    ------
    Failure
        Where pytest runs no test.
    """
    # What a flow of a test leaves running may still write to it.
    with tempfile.TemporaryDirectory(prefix="unit-tests-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        home, tree, report = folder / "home", folder / "tree", folder / "report.xml"
        home.mkdir()
        archive = io.BytesIO(git_bytes(UPSTREAM, "archive", commit))
        with tarfile.open(fileobj=archive) as files:
            files.extractall(tree, filter="data")
        shutil.copytree(clone / "test", tree / "test")
        environment = child_environment(home, PYTHONPATH=str(tree))
        command = [str(python), "-m", "pytest", str(TESTS), *QUIETLY, "--junitxml", str(report)]
        command += ["-k", selected] if selected else []
        finished = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, errors="replace"
        )
        found = read_report(report) if report.exists() else {}
    if not found:
        last = (finished.stdout + finished.stderr).strip().splitlines()[-1:] or ["nothing said"]
        raise Failure(f"pytest ran no test on {commit}: {last[0]}")
    return found


def read_report(report: Path) -> dict[str, str]:
    """Read how each test ended from pytest's report.

    Parameters
    ----------
    report : pathlib.Path
        A file in JUnit's format.

    Returns
    -------
    dict of str to str
        By the test's name; where it ended twice, as with an error while it is torn down, both.
    """
    ended: dict[str, set[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        states = {child.tag for child in case if child.tag in OUTCOMES} or {"passed"}
        ended.setdefault(name, set()).update(states)
    return {name: " and ".join(sorted(states)) for name, states in ended.items()}


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Tell in a line each which tests end differently.

    Parameters
    ----------
    before, after : dict of str to str
        What `outcomes` returned for two commits.

    Returns
    -------
    list of str
        The tests' names and how they ended, in the order of the names.
    """
    return [
        f"{name}: {before.get(name, 'not there')}, then {after.get(name, 'not there')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    described = argparse.ArgumentParser(prog="python -m scripts.unit_tests", description=__doc__)
    described.add_argument("clone", type=Path, help="a clone of metaflow, at the release's commit")
    described.add_argument(
        "commits", nargs="*", default=["main", "optimized"], help="two of upstream/"
    )
    described.add_argument("-k", dest="selected", default="", help="only some, as pytest takes it")
    return described


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tests on both commits; 1 where one ends differently."""
    arguments = parser().parse_args(argv)
    if len(arguments.commits) != 2:
        raise Failure("two commits are compared; name both, or none for main and optimized")
    if not (arguments.clone / TESTS).is_dir():
        raise Failure(f"{arguments.clone} has no {TESTS}; name a clone of metaflow")
    python = make_environment()
    sides = []
    for commit in arguments.commits:
        sides.append(outcomes(python, commit, arguments.clone, arguments.selected))
        counts = sorted(Counter(sides[-1].values()).items())
        print(f"{commit}: {', '.join(f'{count} {state}' for state, count in counts)}", flush=True)
    different = differences(*sides)
    print(*different, sep="\n", end="\n" if different else "")
    print(f"{len(different)} of {len(sides[0])} tests end differently")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(run(main))
