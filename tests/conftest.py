"""Real releases for the tests: a small repository, and environments with a release installed."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uv

from scripts import history, registry, releases, sdist_import

pytest_plugins = [
    "tests.optimized_releases",
    "tests.extension_searches",
    "tests.project_clones",
    "tests.published_sites",
]

SOME_VERSIONS = ["2.10.4", "2.12.0", "2.15.0", "2.19.39"]


@pytest.fixture(scope="session")
def some_releases() -> list[releases.Release]:
    """Four releases, the oldest and the newest among them."""
    return releases.select(SOME_VERSIONS, releases.load())


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """A function that makes a folder which all processes of this run of the tests share."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def made(name: str, make: Callable[[Path], object]) -> Path:
        place = folder / "shared" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        with (folder / "shared" / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = folder / "shared" / f"{name}.done"
            if not done.exists():
                shutil.rmtree(place, ignore_errors=True)
                make(place)
                done.touch()
        return place

    return made


@pytest.fixture(scope="session")
def built_upstream(made_once, some_releases) -> Path:
    """A repository of the four releases; copy it before changing it."""

    def make(folder: Path) -> None:
        history.build(folder / "upstream", some_releases)

    return made_once("built", make) / "upstream"


@pytest.fixture
def upstream(tmp_path, built_upstream) -> Path:
    """A copy of that repository for one test."""
    return Path(shutil.copytree(built_upstream, tmp_path / "upstream", symlinks=True))


@pytest.fixture(scope="session")
def release_python(made_once) -> Callable[[str], Path]:
    """A function that gives the Python of an environment with a release of metaflow.

    What it runs must not write into the environment: other tests use it at the same time.
    """

    def environment(version: str) -> Path:
        def make(folder: Path) -> None:
            make_environment(folder, version)

        return made_once(f"metaflow-{version}", make) / "bin" / "python"

    return environment


def make_environment(folder: Path, version: str) -> None:
    """Make an environment as asv's is: the pins, and the package copied into site-packages."""
    python = folder / "bin" / "python"
    install = [uv.find_uv_bin(), "pip", "install", "--quiet", "--python", str(python)]
    install += ["--constraint", "constraints.txt", "numpy", "asv_runner", "requests", "xxhash"]
    install += ["--group", "pyproject.toml:measured", "blake3"]
    subprocess.run([uv.find_uv_bin(), "venv", "--quiet", "-p", sys.executable, folder], check=True)
    subprocess.run(install, check=True)
    release = releases.select([version], releases.load())
    registry.fetch(release)
    site_packages = next(folder.glob("lib/python*/site-packages"))
    for path, _, content in sdist_import.files_of(release[0]):
        if path.startswith("metaflow/"):
            target = site_packages / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    subprocess.run([python, "-m", "compileall", "-q", site_packages / "metaflow"], check=False)
