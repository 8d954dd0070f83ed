"""`mfbench renew`: both sets of pins in one run, and what the renewal itself changed."""

import json
import re
import shutil
import subprocess
import sys

import pytest

from mfbench.foundation.git_command import commit_of
from mfbench.measure.asv_command import configuration
from mfbench.results.machines import machines_with
from tests.command_line import mfbench
from tests.project_clones import variables

PINS = {name: version for name, (version,) in configuration().matrix["req"].items()}
OTHER = "3.6.0"


@pytest.mark.parametrize("wrong", ["xxhash", "xxhash==", "xxhash==3.*", "nothing==1", "xxhash>=3"])
def test_a_renewal_names_pinned_packages_and_one_version_of_each(wrong):
    said = mfbench("renew", f"boto3=={PINS['boto3']}", wrong)
    assert said.returncode == 3 and said.stdout == ""
    assert said.stderr.startswith("error: write PACKAGE==VERSION, with a pinned package: requests,")
    assert said.stderr.count("\n") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("99", r"can't be pinned \(Because there is no version of isal==99 .*\); try others"),
        ("0.1.0", r"can't be pinned \(Because isal==0.1.0 has no usable wheels .*\); try others"),
        (PINS["isal"], "these versions are pinned already"),
    ],
)
def test_a_version_that_nobody_can_install_or_that_is_pinned_is_refused(version, reason):
    said = mfbench("renew", f"isal=={version}")
    assert said.returncode == 3 and re.search(reason, said.stderr) and said.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_renewal_is_measured_and_pinned_only_if_accepted(clone):
    def run(*arguments):
        command = [sys.executable, "-m", "mfbench", *arguments]
        wide = variables(clone) | {"COLUMNS": "160"}
        return subprocess.run(command, cwd=clone, env=wide, stdout=-1, text=True, check=True).stdout

    paths = [clone / name for name in ("asv.conf.json", "constraints.txt")]
    before = [path.read_text() for path in paths]
    # The candidate runs xxhash alone: identical code of metaflow, and yet what may have changed.
    cases = ["--bench", r"Candidate\.time_hash\('xxh3_128', 'metrics-52KB|track_modules"]
    renewal = ["renew", f"xxhash=={OTHER}", *cases, "--rounds"]
    said = run(*renewal, "4")
    title = f"xxhash=={PINS['xxhash']} → xxhash=={OTHER}\nmeasured 2 of 2 cases\ntoday's pins ("
    assert title in said and "same code" not in said and "noise of the control" in said
    assert re.search(r"The renewal itself changes (none|1) of 2 cases, as far as this run", said)
    assert [path.read_text() for path in paths] == before
    folder = clone / "results" / "renewal"
    pins = [json.loads(path.read_text())["requirements"] for path in folder.glob("*-*.json")]
    assert sorted(each["xxhash"] for each in pins) == sorted(2 * [OTHER, PINS["xxhash"]])
    assert all(each | {"xxhash": PINS["xxhash"]} == PINS for each in pins)
    assert not machines_with(clone / "results", [commit_of(clone / "upstream", "main")])

    shutil.copy(next(folder.glob("*-*.json")), folder / "00000000-earlier.json")
    assert run(*renewal, "1", "--accept").endswith("older results stay as they are.\n")
    assert len(list(folder.glob("*-*.json"))) == 4, "what an earlier renewal measured is gone"
    for path, text, pin in zip(paths, before, ('"xxhash": ["{}"]', "xxhash=={}\n")):
        assert path.read_text() == text.replace(pin.format(PINS["xxhash"]), pin.format(OTHER))
    # asv finds the environment that was made for the renewal.
    run("run", "--bench", "track_modules", "--machine", "quiet")
    assert f'"xxhash": "{OTHER}"' in next(clone.glob("results/quiet/*-*.json")).read_text()
    assert len(list(clone.glob(".asv/env/*/bin/python"))) == 2 and not list(clone.glob(".asv-*"))
