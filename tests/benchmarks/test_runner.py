"""Old releases lack the Runner and `spin`: their cases are skipped there."""

import os
import subprocess

import pytest

from mfbench.foundation.paths import ROOT
from tests.optimizations.optimized_releases import VERSIONS


@pytest.mark.parametrize(
    ("setup", "what"), [("Run().setup()", "Runner"), ("Spin().setup()", "spin")]
)
def test_a_release_that_lacks_a_way_to_run_skips_it(release_python, tmp_path, setup, what):
    finished = subprocess.run(
        [release_python(VERSIONS[0]), "-c", f"from benchmarks.runner import *; {setup}"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert finished.stderr.endswith(f"SkipNotImplemented: this release has no {what}\n")
