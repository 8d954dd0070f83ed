"""What many tests share: folders that are made once, and a small repository of releases."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mfbench.repository import build, releases

pytest_plugins = [
    "tests.committed",
    "tests.optimizations.optimized_releases",
    "tests.project_clones",
    "tests.published_sites",
]

NEWEST = releases.load()[-1].version


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """A function that makes a folder which all processes of this run of the tests share."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    shared = folder / "shared"
    shared.mkdir(exist_ok=True)

    def made(name: str, make: Callable[[Path], object]) -> Path:
        place, done = shared / name, shared / f"{name}.done"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(place, ignore_errors=True)
                make(place)
                done.touch()
        return place

    return made


@pytest.fixture(scope="session")
def built_upstream(made_once, some_releases) -> Path:
    """A repository of four releases; copy it before changing it."""
    place = made_once("built", lambda folder: build.build(folder / "upstream", some_releases))
    return place / "upstream"


@pytest.fixture
def upstream(tmp_path, built_upstream) -> Path:
    """A copy of that repository for one test."""
    return Path(shutil.copytree(built_upstream, tmp_path / "upstream", symlinks=True))


def pytest_collection_modifyitems(items):
    """Mark as slow what runs real releases of metaflow: the optimisations and the benchmarks."""
    for item in items:
        if item.path.parent.name == "optimizations" or "release_python" in item.fixturenames:
            item.add_marker("slow")
