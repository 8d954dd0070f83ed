"""What GitHub runs: no write token near strangers' code, pinned actions, `.ci/compare`."""

import os
import re
import subprocess

import pytest
import yaml

from mfbench.foundation.git_command import git
from mfbench.foundation.paths import ROOT
from tests.project_clones import compare

WORKFLOWS = {
    path.stem: yaml.safe_load(path.read_text())
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml"))
}
# YAML 1.1 reads the key `on` as true.
TRIGGERS = True


@pytest.mark.parametrize("name", WORKFLOWS)
def test_no_token_that_writes_is_near_code(name):
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {}
    assert "pull_request_target" not in workflow[TRIGGERS]
    for job in workflow["jobs"].values():
        text = yaml.safe_dump(job)
        # A job that may write runs no code of this project or of metaflow.
        assert "write" not in job["permissions"].values() or not re.search(
            r"make |\.ci/|python", text
        )
        if "pull_request" in workflow[TRIGGERS]:
            assert set(job["permissions"].values()) == {"read"}
            assert "self-hosted" not in str(job["runs-on"]) and "secrets." not in text
        used = re.findall(r"uses: (\S+)", text)
        assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40}", each) for each in used)


def run_step(workflow, job, name, folder, **more):
    """Run a step of a workflow as GitHub does."""
    steps = WORKFLOWS[workflow]["jobs"][job]["steps"]
    (script,) = [each["run"] for each in steps if each.get("name") == name]
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-c", script],
        cwd=folder,
        env=os.environ | more,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("code, ends, warns", [(0, 0, False), (4, 0, True), (3, 3, False)])
def test_an_update_that_failed_fails_but_not_for_a_document(tmp_path, code, ends, warns):
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexit {code}\n")
    python.chmod(0o755)
    finished = run_step("update", "measure", "Update", tmp_path)
    assert finished.returncode == ends
    assert ("::warning::" in finished.stdout) == warns


@pytest.fixture
def checkout(tmp_path):
    """A checkout, cloned from what it is pushed to in place of GitHub's repository."""
    pushed = tmp_path / "pushed"
    pushed.mkdir()
    git(pushed, "init", "--quiet", "--initial-branch=main")
    write(pushed, "results/reference/a-b.json", "docs/history.md", "README.md", "Makefile")
    git(pushed, "add", "--all")
    git(pushed, "-c", "user.name=nobody", "-c", "user.email=x@localhost", "commit", "-qm", "before")
    git(pushed, "checkout", "--quiet", "--detach")
    git(tmp_path, "clone", "--quiet", "--branch=main", "pushed", "checkout")
    address = "https://x-access-token:secret@github.com/somewhere/project"
    git(tmp_path / "checkout", "config", f"url.{pushed}.insteadOf", address)
    return tmp_path / "checkout"


def write(folder, *names, text="before\n"):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def commit_patch(checkout, patch):
    """Do what the commit's job does with a patch; return how it ended and the changed files."""
    write(checkout, "update.patch", text=patch)
    settings = {"GITHUB_REPOSITORY": "somewhere/project", "GITHUB_REF_NAME": "main"}
    finished = run_step(
        "update", "commit", "Commit what was measured", checkout, TOKEN="secret", **settings
    )
    changed = git(checkout.parent / "pushed", "diff", "--name-only", "HEAD", "main")
    return finished, set(changed.split())


def test_results_and_documents_are_committed_and_nothing_else(checkout):
    taken = {
        "README.md",
        "docs/history.md",
        "mfbench/repository/releases.json",
        "records/imports/series.json",
        "results/reference/a-b.json",
    }
    write(checkout, *taken, "Makefile", "docs/run.sh", "mfbench/update.py", text="after\n")
    git(checkout, "add", "--all")
    patch = git(checkout, "diff", "--cached", "--binary", "--no-renames")
    git(checkout, "reset", "--quiet", "--hard")
    finished, changed = commit_patch(checkout, f"{patch}\n")
    assert finished.returncode == 0, finished.stderr
    assert changed == taken


def test_a_patch_that_renames_is_refused(checkout):
    finished, changed = commit_patch(
        checkout,
        "diff --git a/Makefile b/docs/new.md\nsimilarity index 100%\n"
        "rename from Makefile\nrename to docs/new.md\n",
    )
    assert finished.returncode == 1 and not changed
    assert "the update changes more than results and documents" in finished.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings, refusal",
    [
        ({"BASE": "$(true)"}, "error: '$(true)' is no revision: use letters"),
        ({"PROFILE": "bogus"}, "error: 'bogus' is no profile: quick, default or thorough"),
        ({"FORK": "no/such/place"}, "error: no/such/place has no branch"),
    ],
)
def test_wrong_settings_are_an_error(comparing, settings, refusal):
    finished = compare(comparing, **settings)
    assert finished.returncode == 3
    assert refusal in finished.stderr
