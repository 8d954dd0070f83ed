"""Real releases for the tests: a small repository, and environments with a release installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import uv

from scripts import history, registry, releases, sdist_import

pytest_plugins = ["tests.optimized_releases"]

SOME_VERSIONS = ["2.10.4", "2.12.0", "2.15.0", "2.19.39"]


@pytest.fixture(scope="session")
def some_releases() -> list[releases.Release]:
    """Four releases, the oldest and the newest among them."""
    return releases.select(SOME_VERSIONS, releases.load())


@pytest.fixture(scope="session")
def built_upstream(tmp_path_factory, some_releases) -> Path:
    """A repository of the four releases; copy it before changing it."""
    repository = tmp_path_factory.mktemp("built") / "upstream"
    history.build(repository, some_releases)
    return repository


@pytest.fixture
def upstream(tmp_path, built_upstream) -> Path:
    """A copy of that repository for one test."""
    return Path(shutil.copytree(built_upstream, tmp_path / "upstream", symlinks=True))


@pytest.fixture(scope="session")
def release_python(tmp_path_factory) -> Callable[[str], Path]:
    """A function that gives the Python of an environment with a release of metaflow."""
    made: dict[str, Path] = {}

    def environment(version: str) -> Path:
        if version not in made:
            folder = tmp_path_factory.mktemp("environment") / version
            made[version] = make_environment(folder, version)
        return made[version]

    return environment


def make_environment(folder: Path, version: str) -> Path:
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
    return python
