"""Extensions as they are published: what metaflow has of them, before and after the series."""

import json
import os
import subprocess
import sys
import time

import pytest
import uv

from benchmarks.support.distributions import age
from tests.optimizations.optimized_releases import NEWEST

PINNED = ("metaflow-checkpoint==0.2.14", "metaflow-card-html==1.0.3")
HAS = """
    import json, sys
    sys.dont_write_bytecode = True
    sys.path.append({site!r})
    import metaflow
    from metaflow import extension_support as support, plugins
    # What the plugins' modules load, for the names of metaflow.
    import metaflow.event_logger, metaflow.monitor
    has = {{
        "packages": support.extension_info(),
        "files": {{name: package["files"] for name, package in support._all_packages.items()}},
        "points": support._pkgs_per_extension_point,
        "aliases": sorted(support.get_aliased_modules()),
        "steps": [each.name for each in plugins.STEP_DECORATORS],
        "flows": [each.name for each in plugins.FLOW_DECORATORS],
        "cards": [each.type for each in plugins.CARDS],
        "names": sorted(name for name in dir(metaflow) if not name.startswith("_")),
        "checkpoint": [metaflow.checkpoint.__module__, metaflow.Checkpoint.__module__],
    }}
    print(json.dumps(has))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the published packages, as if installed a while ago."""
    folder = tmp_path_factory.mktemp("published")
    command = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--target", folder]
    installed = subprocess.run(
        [*command, "--python", sys.executable, *PINNED], capture_output=True, text=True
    )
    if installed.returncode:
        pytest.skip(f"the packages can't be installed: {installed.stderr.strip()[-200:]}")
    age(folder)
    return folder


@pytest.fixture
def has(python, site):
    def look(side):
        return json.loads(python(NEWEST, side, HAS.format(site=str(site))).splitlines()[-1])

    return look


def remembered(tmp_path):
    """When each memory was written: a search that is made again writes it anew."""
    memories = tmp_path.glob("home/.metaflowconfig/ext_distributions.json")
    return {path: path.stat().st_mtime_ns for path in memories}


def test_published_extensions_add_the_same_on_first_and_next_start(has, python, series, tmp_path):
    hour_ago = time.time() - 3600
    for side in ("before", "after"):
        python(NEWEST, side, "import metaflow")
        # A folder that changed just now is not cached.
        for folder in (tmp_path, series.root(NEWEST, side)):
            os.utime(folder, (hour_ago, hour_ago))
    before, first = has("before"), has("after")
    written = remembered(tmp_path)
    assert len(written) == 1
    second = has("after")
    assert remembered(tmp_path) == written
    assert first == second
    assert first == before
    assert {"metaflow-checkpoint", "metaflow-card-html"} == set(before["packages"]["installed"])
    assert "checkpoint" in before["steps"] and "html" in before["cards"]
    assert {"checkpoint", "Checkpoint"} <= set(before["names"])
