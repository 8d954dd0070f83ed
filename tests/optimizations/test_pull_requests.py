"""Each optimisation as a pull request: its tests, its size, and the looks of its source."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from mfbench.foundation.git_command import git
from mfbench.foundation.paths import UPSTREAM
from optimizations import SERIES
from tests.optimizations.optimized_releases import NEWEST

NAMES = [optimization.name for optimization in SERIES]
TESTS = "test/unit/"
FORMAT = ("format", "--line-length", "88", "--target-version", "py38", "--check")
CHECK = ("check", "--select", "F821,F811,F401", "--output-format", "json", "--exit-zero")
LINES_EACH, LINES_IN_ALL, NEW_MODULES = 120, 1500, 4
# It is a feature that is off by default.
LARGER = {"tasks_from_warm_process": 300}
HEADINGS = ("What changes", "Reproduce", "Could fail", "To go back", "Price")
OPTIONAL, LONGEST_TITLE = ("To go back", "Price"), 72


@pytest.fixture(scope="module")
def pulls(series):
    """The pull requests on the newest release, by name."""
    return series.pulls(NEWEST)


@pytest.fixture
def metaflow_tests(series, tmp_path):
    """A function that starts some of the inserted tests on one side of the newest release."""

    def start(side, tests, source, *options):
        folder = tmp_path / side
        folder.mkdir()
        for test in tests:
            shutil.copy(series.root(NEWEST, source) / test, folder)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("METAFLOW_")}
        environment = kept | {
            "PYTHONPATH": str(series.root(NEWEST, side)),
            "PYTHONDONTWRITEBYTECODE": "",
            "METAFLOW_USER": "somebody",
            "HOME": str(folder),
        }
        # Outside a project, so that our own settings for pytest do not count.
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-c", os.devnull, "--rootdir", folder, *options, folder]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, env=environment, cwd=folder, **streams)

    return start


def inserted_tests(pull):
    return [path for path in pull.files if path.startswith(TESTS)]


@pytest.mark.parametrize("name", NAMES)
def test_its_tests_fail_without_it_and_pass_with_it(pulls, metaflow_tests, name):
    tests = inserted_tests(pulls[name])
    assert tests
    without = metaflow_tests(f"below {name}", tests, name, "--exitfirst")
    with_it = metaflow_tests(name, tests, name)
    told_with_it, told_without = with_it.communicate()[0], without.communicate()[0]
    assert with_it.returncode == 0, told_with_it
    # 1: some failed. 2: one can't be loaded, where it imports what is new.
    assert without.returncode in (1, 2), told_without


def test_all_tests_pass_with_the_whole_series(series, pulls, metaflow_tests):
    tests = {test for pull in pulls.values() for test in inserted_tests(pull)}
    all_of_them = metaflow_tests("after", sorted(tests), "after")
    told = all_of_them.communicate()[0]
    assert all_of_them.returncode == 0, told


@pytest.mark.parametrize("name", NAMES)
def test_its_source_is_plain(series, pulls, name):
    complaints = {}
    for side in (f"below {name}", name):
        root = series.root(NEWEST, side)
        files = [path for path in pulls[name].files if (root / path).exists()]
        for path in files if side == name else ():
            ast.parse((root / path).read_text(), feature_version=(3, 7))
        unformatted = re.findall(r"^Would reformat: (.+)$", ruff(root, *FORMAT, *files), re.M)
        found = json.loads(ruff(root, *CHECK, *files)) if files else ()
        where = f"{root.name}/"
        said = {(each["filename"].rpartition(where)[2], each["message"]) for each in found}
        complaints[side] = {*said, *unformatted}
    assert complaints[name] <= complaints[f"below {name}"]


def ruff(root, command, *arguments):
    line = [sys.executable, "-m", "ruff", command, "--isolated", "--no-cache", *arguments]
    return subprocess.run(line, cwd=root, capture_output=True, text=True).stdout


def test_a_reviewer_can_read_it_in_one_sitting(pulls):
    """Few added lines of metaflow, for each and in all; few new modules."""
    lines, new = {}, set()
    for name, pull in pulls.items():
        between = (pull.below, pull.hash, "--", "metaflow")
        changed = git(UPSTREAM, "diff", "--numstat", *between)
        lines[name] = sum(int(line.split()[0]) for line in changed.splitlines())
        new.update(git(UPSTREAM, "diff", "--name-only", "--diff-filter=A", *between).split())
    for name, count in lines.items():
        assert count <= LARGER.get(name, LINES_EACH), lines
    assert sum(lines.values()) <= LINES_IN_ALL, lines
    assert len(new) <= NEW_MODULES, new


@pytest.mark.parametrize("optimization", SERIES, ids=NAMES)
def test_its_text_answers_what_reviewers_ask(optimization):
    assert len(optimization.title.removesuffix(".")) <= LONGEST_TITLE
    before, *parts = re.split(rf"^({'|'.join(HEADINGS)}):", optimization.body, flags=re.MULTILINE)
    assert "Root cause:" in before
    found = parts[::2]
    assert found == [each for each in HEADINGS if each in found or each not in OPTIONAL]
    ways = parts[parts.index("Could fail") + 1]
    assert len(re.findall(r"^- ", ways, re.MULTILINE)) >= 2
