"""The command ``mfbench prove unit-tests``: metaflow's own tests on two commits or more."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import click

from benchmarks.support.environment import child_environment
from mfbench.asv_plugin.environment import CONSTRAINTS, run_uv
from mfbench.explain import s3_tests
from mfbench.foundation.errors import Failure
from mfbench.foundation.git_command import git_bytes
from mfbench.foundation.paths import ROOT, UPSTREAM
from mfbench.repository.series import PULL_PREFIX, find_commit, read_pulls

TESTS = Path("test") / "unit"
ENVIRONMENT = ROOT / ".asv" / "unit-tests"
# What metaflow and its tests import; a test that needs more fails on both commits.
PACKAGES = ("pytest", "pytest-mock", "requests", "boto3", "pyyaml", "pandas", "isal", "blake3")


@click.command(short_help="Run metaflow's own unit tests on two commits.")
@click.argument("clone", type=click.Path(path_type=Path))
@click.argument("base", default="main")
@click.argument("head", default="optimized")
@click.option("--all", "every", is_flag=True, help="Test optimized and each pr/NAME as HEAD.")
@click.option("-k", "selected", metavar="EXPR", default="", help="Only these tests, as in pytest.")
@click.option(
    "--s3", "is_s3", is_flag=True, help="Run the S3 tests instead (minutes for a commit)."
)
def command(clone: Path, base: str, head: str, every: bool, selected: str, is_s3: bool) -> None:
    """Run metaflow's own unit tests on two commits, and the tests that the second one adds.

    CLONE is a clone of metaflow at the release's commit: released sdists hold no tests. BASE and
    HEAD are main and optimized if not given. Lists the tests whose outcome changes, and new ones
    that do not pass; the exit code is 1 if there are any. A test that fails on both may need what
    this machine lacks.

    With --s3, metaflow's S3 tests run in place of its unit tests, with a server on this machine.
    Left out are benchmarks, test_list_paths, and tests with 5 GB, with 3,000 files, or in which 10,
    50 or 90 percent of calls are to fail.
    """
    tests = s3_tests.FOLDER if is_s3 else TESTS
    if not (clone / tests).is_dir():
        raise Failure(f"{clone} has no {tests}; name a clone of metaflow")
    if is_s3:
        left_out = " and ".join(f"not {each}" for each in s3_tests.LEFT_OUT)
        selected = f"({selected}) and {left_out}" if selected else left_out
    heads = [head]
    if every:
        heads = ["optimized", *(PULL_PREFIX + each.name for each in read_pulls(UPSTREAM))]
    commits = [(name, find_commit(UPSTREAM, name)) for name in (base, *heads)]
    python = make_environment()
    before: dict[str, str] = {}
    different = 0
    for name, commit in commits:
        server: AbstractContextManager[Mapping[str, str]] = (
            s3_tests.s3_server(python) if is_s3 else nullcontext({})
        )
        with server as settings:
            after = outcomes(python, commit, clone, tests, selected, settings)
        counts = sorted(Counter(after.values()).items())
        click.echo(f"{name}: {', '.join(f'{count} {state}' for state, count in counts)}")
        if before:
            different += print_differences(before, after)
        before = before or after
    sys.exit(1 if different else 0)


def print_differences(before: Mapping[str, str], after: Mapping[str, str]) -> int:
    """Name the tests whose outcome changes, and new ones that do not pass; return how many."""
    new = [each for each in after if each not in before]
    failing = [each for each in new if after[each] != "passed"]
    different = [each for each in before if before[each] != after.get(each)]
    for name in sorted([*different, *failing]):
        click.echo(f"{name}: {before.get(name, 'missing')}, then {after.get(name, 'missing')}")
    tests = f"{len(different)} of {len(before)} tests have another outcome"
    click.echo(f"{tests}, and {len(failing)} of {len(new)} new ones do not pass")
    return len(different) + len(failing)


def make_environment() -> Path:
    """Make or complete the environment in which the tests run; return its Python."""
    python = ENVIRONMENT / "bin" / "python"
    options = ("-q", "--python", str(python), "--constraint", str(CONSTRAINTS))
    if reason := (
        run_uv("venv", "-q", "--allow-existing", "--python", sys.executable, str(ENVIRONMENT))
        or run_uv("pip", "install", *options, *PACKAGES)
    ):
        raise Failure(f"cannot install what metaflow's tests import; connect, retry: {reason}")
    return python


def outcomes(
    python: Path,
    commit: str,
    clone: Path,
    tests: Path,
    selected: str,
    settings: Mapping[str, str],
) -> dict[str, str]:
    """Run a clone's tests on a commit of upstream/; return how each ended, by its name.

    The clone's work tree is copied, not changed. Raises Failure if pytest runs no test.
    """
    # A flow that a test leaves running may still write there.
    with tempfile.TemporaryDirectory(prefix="unit-tests-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        home, tree, report = folder / "home", folder / "tree", folder / "report.xml"
        home.mkdir()
        with tarfile.open(fileobj=io.BytesIO(git_bytes(UPSTREAM, "archive", commit))) as files:
            files.extractall(tree, filter="data")
        # Add the clone's tests to those of the commit.
        shutil.copytree(clone / "test", tree / "test", dirs_exist_ok=True)
        if tests == s3_tests.FOLDER:
            s3_tests.shrink_largest_file(tree)
        finished = subprocess.run(
            [python, "-m", "pytest", tests, "-p", "no:cacheprovider", "-q", "-k", selected,
             "--junitxml", report],
            cwd=tree, env=child_environment(home, PYTHONPATH=str(tree), **settings),
            capture_output=True, text=True, errors="replace",
        )  # fmt: skip
        found = read_report(report) if report.exists() else {}
    if not found:
        last = (finished.stdout + finished.stderr).strip().splitlines()[-1:] or ["nothing said"]
        raise Failure(f"pytest ran no test on {commit[:8]}: {last[0]}")
    return found


def read_report(report: Path) -> dict[str, str]:
    """Read how each test ended from a file in JUnit's format.

    A test may end twice, as with an error while it is torn down: then both are named.
    """
    ended: dict[str, set[str]] = {}
    for case in ElementTree.parse(report).iter("testcase"):
        states = {child.tag for child in case} & {"failure", "error", "skipped"} or {"passed"}
        ended.setdefault(f"{case.get('classname')}::{case.get('name')}", set()).update(states)
    return {name: " and ".join(sorted(states)) for name, states in ended.items()}
