"""What GitHub runs: no write token near strangers' code, actions pinned, the comparison by hand."""

import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from scripts.git_command import git
from scripts.paths import ROOT
from tests.project_clones import variables

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.stem)
def workflow(request):
    return yaml.safe_load(request.param.read_text())


def triggers(workflow):
    # YAML 1.1 reads the key `on` as true.
    return workflow[True]


def test_nothing_is_permitted_that_no_job_asks_for(workflow):
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        written = [name for name, access in job["permissions"].items() if access == "write"]
        text = yaml.safe_dump(job)
        # Whoever may write runs no code of this project or of metaflow.
        assert not written or not re.search(r"make |\.ci/|python", text)


def test_code_of_a_pull_request_sees_no_token_that_writes_and_no_secret(workflow):
    assert "pull_request_target" not in triggers(workflow)
    if "pull_request" in triggers(workflow):
        for job in workflow["jobs"].values():
            assert set(job["permissions"].values()) == {"read"}
            assert "self-hosted" not in str(job["runs-on"])
        assert "secrets." not in yaml.safe_dump(workflow)


def test_actions_are_pinned(workflow):
    used = re.findall(r"uses: (\S+)", yaml.safe_dump(workflow))
    assert used and all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", each) for each in used)


def test_the_supported_pythons_are_tested():
    jobs = yaml.safe_load((ROOT / ".github/workflows/tests.yml").read_text())["jobs"]
    assert jobs["tests"]["strategy"]["matrix"]["python"] == ["3.10", "3.11", "3.12", "3.13"]


@pytest.mark.parametrize("revision", ["--output=x", "a b", "$(true)", ";"])
def test_a_revision_is_no_option_and_no_command(revision):
    finished = subprocess.run(
        [ROOT / ".ci" / "compare"],
        env=os.environ | {"HEAD": revision},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 3
    assert finished.stderr == (
        f"error: '{revision}' is no revision: use letters, digits, . _ / ^ ~ and -\n"
    )


def steps_of(name, job):
    return yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text())["jobs"][job][
        "steps"
    ]


def script_of(name, job, step):
    (found,) = [each["run"] for each in steps_of(name, job) if each.get("name") == step]
    return found


def as_github(script, folder, **more):
    """Run a step's script as GitHub does."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-c", script],
        cwd=folder,
        env=os.environ | more,
        capture_output=True,
        text=True,
    )


def test_the_comparison_ends_as_the_gate_does():
    assert script_of("compare", "compare", "Measure and compare") == ".ci/compare"
    assert not any("continue-on-error" in each for each in steps_of("compare", "compare"))


AUTHOR = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")


@pytest.fixture
def repositories(tmp_path):
    """A checkout, what it is pushed to in place of GitHub's, and the checkout's files."""
    checkout, pushed = tmp_path / "checkout", tmp_path / "pushed.git"
    git(tmp_path, "init", "--quiet", "--initial-branch=main", "checkout")
    for name in ("results/reference/a-b.json", "docs/history.md", "README.md", "Makefile"):
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        (checkout / name).write_text("before\n")
    git(checkout, "add", "--all")
    subprocess.run(["git", "-C", checkout, *AUTHOR, "commit", "-qm", "before"], check=True)
    git(tmp_path, "clone", "--quiet", "--bare", "checkout", "pushed.git")
    address = "https://x-access-token:secret@github.com/somewhere/project"
    git(checkout, "config", f"url.{pushed}.insteadOf", address)
    return checkout, pushed


def commit_results(checkout):
    return as_github(
        script_of("update", "commit", "Commit what was measured"),
        checkout,
        TOKEN="secret",
        GITHUB_REPOSITORY="somewhere/project",
        GITHUB_REF_NAME="main",
    )


def patch_of(checkout, change):
    """Write the patch as the measuring job does, and undo the change."""
    change()
    git(checkout, "add", "--all", ":!update.patch")
    git(checkout, "diff", "--cached", "--binary", "--no-renames", "--output=update.patch")
    git(checkout, "reset", "--quiet", "--hard")


def test_results_are_committed_and_pushed(repositories):
    checkout, pushed = repositories
    patch_of(checkout, lambda: (checkout / "results/reference/a-b.json").write_text("after\n"))
    finished = commit_results(checkout)
    assert finished.returncode == 0, finished.stderr
    assert git(pushed, "show", "main:results/reference/a-b.json") == "after"


def test_nothing_but_results_and_tables_is_let_in(repositories):
    checkout, pushed = repositories
    before = git(pushed, "rev-parse", "main")

    def more():
        (checkout / "README.md").write_text("after\n")
        (checkout / "Makefile").write_text("after\n")
        (checkout / "docs" / "run.sh").write_text("after\n")

    patch_of(checkout, more)
    assert commit_results(checkout).returncode == 0
    assert git(pushed, "diff", "--name-only", before, "main") == "README.md"


def test_a_rename_by_the_patch_is_refused(repositories):
    checkout, pushed = repositories
    before = git(pushed, "rev-parse", "main")
    (checkout / "update.patch").write_text(
        "diff --git a/Makefile b/README.md\nsimilarity index 100%\n"
        "rename from Makefile\nrename to docs/new.md\n".replace("b/README.md", "b/docs/new.md")
    )
    finished = commit_results(checkout)
    assert finished.returncode == 1
    assert "the update changes more than results and tables" in finished.stderr
    assert git(pushed, "rev-parse", "main") == before


def test_what_was_refused_is_not_published():
    jobs = yaml.safe_load((ROOT / ".github/workflows/update.yml").read_text())["jobs"]
    assert set(jobs["publish"]["needs"]) == {"measure", "commit"}
    assert "needs.commit.result != 'failure'" in jobs["publish"]["if"]
    assert "needs.measure.result == 'success'" in jobs["publish"]["if"]


@pytest.mark.parametrize(
    ("code", "ends", "warns"), [(0, 0, False), (4, 0, True), (1, 1, False), (3, 3, False)]
)
def test_an_update_that_lacks_a_document_is_taken_and_one_that_failed_is_not(
    tmp_path, code, ends, warns
):
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexit {code}\n")
    python.chmod(0o755)
    finished = as_github(script_of("update", "measure", "Update"), tmp_path)
    assert finished.returncode == ends
    assert ("::warning::" in finished.stdout) == warns


# In place of scripts.measure, which takes minutes: one topic of the same commits, measured once.
MEASURE = """
from pathlib import Path
from scripts import bench, machine
if not any(Path("results").glob("*/*-*.json")):
    commits = bench.commits_of(["main", *bench.series()])
    options = ["--machine", machine.ensure(None), "--interleave-rounds", "--attribute", "rounds=6"]
    bench.measure(commits, *options, "--bench", r"ParallelMap\\.time_map\\(1, ")
"""


@pytest.fixture
def comparing(clone):
    """The copy of the project, whose measurements are short."""
    for name in (".ci/compare", "Makefile"):
        (clone / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    (clone / "shorter.py").write_text(MEASURE)
    python.write_text(
        f'#!/bin/sh\n[ "$2" != scripts.measure ] || set -- -c "$(cat shorter.py)"\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    (clone / ".venv" / ".ready").touch()
    return clone


def compare(folder, **more):
    return subprocess.run(
        [folder / ".ci" / "compare"],
        env=variables(folder) | more,
        capture_output=True,
        text=True,
    )


def test_a_comparison_is_the_job_s_summary_and_its_report(comparing, tmp_path):
    summary = tmp_path / "summary"
    finished = compare(comparing, GITHUB_STEP_SUMMARY=str(summary), PROFILE="quick")
    # event_waiting, the one optimisation of this copy, makes parallel_map faster.
    assert finished.returncode == 0, finished.stdout + finished.stderr
    report = (comparing / "report.md").read_text()
    assert summary.read_text() == report
    assert "multicore" in report and "|" in report
    # The other way around it is a regression, which the job fails by.
    again = compare(comparing, BASE="optimized", HEAD="main", PROFILE="quick")
    assert again.returncode == 1, again.stdout + again.stderr


@pytest.mark.parametrize(
    ("variables_given", "said"),
    [
        ({"PROFILE": "bogus"}, "error: 'bogus' is no profile: quick, default or thorough"),
        ({"FORK": "no/such/place"}, "error: no/such/place has no branch"),
    ],
)
def test_what_can_t_be_compared_is_an_error_and_not_nothing_comparable(
    comparing, variables_given, said
):
    finished = compare(comparing, **variables_given)
    assert finished.returncode == 3
    assert said in finished.stderr
