"""Simulated results of more commits than were measured are published as real ones are."""

import json
import re
import subprocess
import sys

import pytest

from mfbench.foundation.git_command import git
from mfbench.foundation.paths import ROOT
from tests.committed import MACHINE


@pytest.mark.slow
def test_each_simulated_commit_is_on_the_page(tmp_path):
    folder = tmp_path / "simulated"
    command = [sys.executable, "scripts/simulate_commits.py", folder, "--commits", "3"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    said = re.findall(r"^(.+): [\d.]+ s for our pages, .* MB$", finished.stdout, re.MULTILINE)
    assert said == ["first", "with one commit more"]
    hashes = git(folder / "upstream", "rev-list", "-3", "simulated").split()
    site = json.loads((folder / "html" / "data" / "site.json").read_text())
    assert set(hashes) <= set(site["measured"][MACHINE])
    for commit in hashes:
        assert commit in (folder / "html/data/results" / MACHINE / f"{commit}.js").read_text()
