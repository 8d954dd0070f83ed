"""A repository of four releases with the series on it."""

import shutil

import pytest

from mfbench.report import optimize_list
from mfbench.repository import optimize
from mfbench.repository.series import build_series


@pytest.fixture(scope="session")
def built_series(made_once, built_upstream):
    """The repository; copy it before changing it."""

    def make(folder):
        shutil.copytree(built_upstream, folder / "upstream", symlinks=True)
        build_series(folder / "upstream")

    return made_once("series", make) / "upstream"


@pytest.fixture
def optimized(tmp_path, built_series, monkeypatch):
    """A copy of it for one test; the commands work on it, too."""
    copy = shutil.copytree(built_series, tmp_path / "optimized" / "upstream", symlinks=True)
    for module in (optimize, optimize_list):
        monkeypatch.setattr(module, "UPSTREAM", copy)
    return copy
