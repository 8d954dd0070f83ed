"""The series as a whole on real releases: what it changes, and what it leaves alone."""

import ast
import json
import linecache
import re
import subprocess
import sys

import pytest

from mfbench.foundation.paths import ROOT
from optimizations import SERIES
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, tree_of


def files_of(root):
    return {
        str(path.relative_to(root)): path
        for path in root.rglob("*.py")
        if "__pycache__" not in path.parts
    }


def test_the_whole_series_applies_to_the_newest_release(series):
    assert {commit.name: commit.refusal for commit in series[NEWEST]} == {
        optimization.name: "" for optimization in SERIES
    }
    assert all(commit.files for commit in series[NEWEST])


def test_each_optimisation_has_a_test_for_metaflow(series):
    for name, pull in series.pulls(NEWEST).items():
        assert any(path.startswith("test/unit/test_") for path in pull.files), name


@pytest.mark.parametrize("version", VERSIONS)
def test_what_does_not_apply_says_where_and_why(series, version):
    refusals = {commit.name: commit.refusal for commit in series[version] if commit.refusal}
    assert all(re.match(r"(needs \w+ \()*metaflow/", refusal) for refusal in refusals.values())
    # These are for every release that the project supports.
    assert not {"defer_requests", "event_waiting"} & set(refusals)


@pytest.mark.parametrize("version", VERSIONS)
def test_only_the_named_files_differ(series, version):
    before, after = (files_of(series.root(version, side)) for side in ("before", "after"))
    texts = {path: file.read_bytes() for path, file in before.items()}
    differing = {path for path in after if after[path].read_bytes() != texts.get(path)}
    assert differing == {path for commit in series[version] for path in commit.files}


@pytest.mark.parametrize("version", VERSIONS)
def test_changed_files_are_python_3_7_without_new_complaints(series, version):
    changed = sorted({path for commit in series[version] for path in commit.files})
    for path in changed:
        ast.parse((series.root(version, "after") / path).read_text(), feature_version=(3, 7))
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821,F811,F401"]
    complaints = {}
    for side in ("before", "after"):
        there = [path for path in changed if (series.root(version, side) / path).exists()]
        command = [*ruff, "--output-format", "json", "--exit-zero", *there]
        said = subprocess.run(
            command, cwd=series.root(version, side), capture_output=True, check=True
        )
        complaints[side] = {
            (found["filename"].rpartition("/metaflow/")[2], found["message"])
            for found in json.loads(said.stdout)
        }
    assert complaints["after"] <= complaints["before"]


def test_changed_files_stay_as_a_formatter_leaves_them(series):
    # Which agrees with Black, metaflow's own, where both have nothing to change.
    command = [sys.executable, "-m", "ruff", "format", "--isolated", "--line-length", "88"]
    command += ["--target-version", "py37", "--check"]
    changed = {path for commit in series[NEWEST] for path in commit.files}
    badly = {}
    for side in ("before", "after"):
        root = series.root(NEWEST, side)
        there = [path for path in sorted(changed) if (root / path).exists()]
        said = subprocess.run([*command, *there], cwd=root, capture_output=True, text=True)
        badly[side] = set(re.findall(r"^Would reformat: (.+)$", said.stdout, re.MULTILINE))
    assert len(changed - badly["before"]) > 10
    assert badly["after"] <= badly["before"]


def test_the_example_of_the_documentation_applies(series):
    page = (ROOT / "docs" / "adding.md").read_text()
    examples = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (example,) = (each for each in examples if "def apply(" in each)
    names = {}
    # The edits read new functions from their file, which an executed text does not have.
    linecache.cache["example.py"] = (len(example), None, example.splitlines(True), "example.py")
    exec(compile(example, "example.py", "exec"), names)
    tree = tree_of(series, NEWEST)
    names["apply"](tree)
    assert len(tree.changes()) == 3
