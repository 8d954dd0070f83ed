"""A copy of this project in a folder and a home of its own, with no upstream/ yet."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from mfbench.foundation.paths import RELEASES, ROOT, cache_folder

FILES = ("asv.conf.json", "pyproject.toml", "constraints.txt", "README.md", "STATUS.md")
FOLDERS = ("mfbench", "scripts", "optimizations", "dashboard", "benchmarks")
# A short one, to be quick.
SERIES = """
from optimizations.edits import Optimization, load

SERIES: tuple[Optimization, ...] = (load("control"), load("event_waiting"))
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A copy of the project with two releases and two commits on top, in an empty home.

    `python -m mfbench` with this folder as the current one runs the copy.
    """
    folder = tmp_path_factory.mktemp("clone")
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    listed = json.loads(RELEASES.read_text())["releases"][-2:]
    (folder / RELEASES.relative_to(ROOT)).write_text(json.dumps({"releases": listed}))
    (folder / "optimizations" / "__init__.py").write_text(SERIES)
    (folder / "home").mkdir()
    # The first Python of this version on PATH is broken: asv must measure with the one it runs on.
    broken = folder / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 127\n")
    broken.chmod(0o755)
    return folder


def variables(clone: Path) -> dict[str, str]:
    """Return the environment variables of a person who works in the copy."""
    own = {"HOME": str(clone / "home"), "METAFLOW_BENCHMARKS_CACHE": str(cache_folder())}
    own["PATH"] = f"{clone / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return os.environ | own
