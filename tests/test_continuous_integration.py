"""What GitHub runs: no write token near strangers' code, actions pinned, the comparison by hand."""

import os
import re
import subprocess

import pytest
import yaml

from scripts.paths import ROOT

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
