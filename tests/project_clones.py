"""A copy of this project in a folder and a home of its own, with no upstream/ yet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mfbench.foundation.paths import RELEASES, ROOT, cache_folder

FILES = ("asv.conf.json", "pyproject.toml", "constraints.txt", "README.md", "STATUS.md")
FOLDERS = ("mfbench", "scripts", "optimizations", "dashboard", "benchmarks")
# Short ones, to be quick; made up, so that no test depends on how metaflow is made faster.
SERIES = """
from optimizations.edits import Optimization, load

SERIES: tuple[Optimization, ...] = (load("ask_often"),)
"""
IDEA = """\"\"\"Look for parallel_map's children every millisecond.

Made up for tests.
\"\"\"

from optimizations.edits import Claim, SourceTree

CLAIMS = (Claim("multicore.ParallelMap.time_map(1, default)", "`parallel_map` of 1"),)


def apply(tree: SourceTree) -> None:
    tree["metaflow/multicore_utils.py"].replace_statement(
        within="parallel_imap_unordered",
        find="time.sleep(0.1)",
        by="time.sleep(0.001)",
    )
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """A copy of the project with two releases and an optimisation, in an empty home.

    `python -m mfbench` with this folder as the current one runs the copy.
    """
    folder = tmp_path_factory.mktemp("clone")
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    listed = json.loads(RELEASES.read_text())["releases"][-2:]
    (folder / RELEASES.relative_to(ROOT)).write_text(json.dumps({"releases": listed}))
    for path in (folder / "optimizations").glob("*.py"):
        path.unlink()
    (folder / "optimizations" / "__init__.py").write_text(SERIES)
    (folder / "optimizations" / "ask_often.py").write_text(IDEA)
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


@pytest.fixture
def comparing(clone: Path) -> Path:
    """The copy of the project, with `.ci/compare`; its measurements are short."""
    for name in (".ci/compare", "Makefile"):
        (clone / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(
        '#!/bin/sh\n[ "$3" != run ] || set -- "$@" --rounds 6\n'
        'case "$*" in *--touched*) set -- "$@" --bench "time_map.1, default" ;; esac\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    (clone / ".venv" / ".ready").touch()
    return clone


def compare(clone: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `.ci/compare` in the copy."""
    command = [clone / ".ci" / "compare"]
    return subprocess.run(command, env=variables(clone) | more, capture_output=True, text=True)
