"""A checkout that a person may not write to can be read."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from mfbench.foundation.paths import ROOT
from tests.committed import MACHINE, NAMES
from tests.project_clones import FILES, FOLDERS
from tests.project_clones import variables as variables_of

# Root may write anywhere, unless it gives that right up.
AS_OTHERS = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override")
is_root = os.geteuid() == 0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    for name in (*FOLDERS, "results", "records", "upstream"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(is_root and not shutil.which("setpriv"), reason="setpriv is missing")
def test_a_comparison_leaves_the_repository_as_it_is(checkout):
    def state():
        files = (checkout / "upstream" / ".git").rglob("*")
        return sorted((path, path.stat().st_mtime_ns) for path in files)

    before = state()
    finished = start(checkout, "mfbench", "compare", *NAMES, "--machine", MACHINE, "--every-run")
    assert finished.returncode == 0 and state() == before


@pytest.fixture(scope="module")
def read_only(checkout):
    subprocess.run(["chmod", "-R", "a-w", checkout], check=True)
    yield checkout
    subprocess.run(["chmod", "-R", "u+w", checkout], check=True)


@pytest.mark.slow
@pytest.mark.skipif(is_root and not shutil.which("setpriv"), reason="setpriv is missing")
@pytest.mark.parametrize(
    "typed",
    [
        ("mfbench", "--help"),
        ("mfbench", "compare", *NAMES),
        ("mfbench", "optimize", "list"),
        ("mfbench", "results", "check"),
        ("mfbench", "report", "readme"),
        ("asv", "compare", *NAMES, "--machine", MACHINE),
        ("asv", "show", "optimized", "--machine", MACHINE),
    ],
)
def test_what_only_reads_works(read_only, typed):
    finished = start(read_only, *typed)
    assert finished.returncode == 0 and finished.stdout
    assert not re.search("error|denied|Traceback", finished.stderr)


def start(checkout, *typed):
    command = [*(AS_OTHERS if is_root else ()), sys.executable, "-m", *typed]
    # A home that is missing is one more place that can't be written.
    variables = variables_of(checkout) | {"HOME": str(checkout / "home")}
    return subprocess.run(command, cwd=checkout, env=variables, capture_output=True, text=True)
