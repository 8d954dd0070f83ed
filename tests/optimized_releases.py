"""Real releases before and after the series, and scripts run with them."""

import io
import os
import subprocess
import sys
import tarfile
import textwrap

import pytest

from optimizations import SERIES
from optimizations.source_tree import SourceTree
from scripts import history
from scripts.git_command import git_bytes
from scripts.paths import UPSTREAM
from scripts.series import write_series

VERSIONS = ["2.10.4", "2.12.0", "2.15.0", "2.19.39"]
NEWEST = VERSIONS[-1]


class OptimizedReleases(dict):
    """The series' commits by release; the folders of a release are made when it is asked for."""

    def __init__(self, folder, upstream):
        super().__init__()
        self.folder, self.upstream = folder, upstream

    def base(self, version):
        """Return the hash of a release."""
        return git_bytes(self.upstream, "rev-parse", f"{version}^{{commit}}").decode().strip()

    def __missing__(self, version):
        self[version] = write_series(self.upstream, self.base(version))
        return self[version]

    def root(self, version, side):
        """Return the folder of one side of a release."""
        folder = self.folder / version / side
        if not folder.exists():
            commit = self.base(version)
            if side == "after":
                commit = next(each.hash for each in reversed(self[version]) if each.hash)
            archive = io.BytesIO(git_bytes(self.upstream, "archive", commit))
            with tarfile.open(fileobj=archive) as files:
                files.extractall(folder, filter="data")
        return folder


@pytest.fixture(scope="session")
def series(tmp_path_factory):
    """The series on each release, and the folders of each release before and after it.

    In the project's own repository, where a run of the tests leaves for the next one (and for its
    other processes) what applying the series to an old release came to. No branch moves there.
    """
    history.ensure(UPSTREAM)
    return OptimizedReleases(tmp_path_factory.mktemp("optimized"), UPSTREAM)


@pytest.fixture
def python(series, tmp_path):
    """Run a script with one side of a release; returns what it printed."""

    home = tmp_path / "home"
    home.mkdir()

    def run(version, side, script):
        # Neither a person's settings nor those of the benchmarks, set where one is imported.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("METAFLOW_")}
        environment = kept | {
            "PYTHONPATH": str(series.root(version, side)),
            "HOME": str(home),
            "NO_PROXY": "127.0.0.1",
            # Compiling metaflow anew for each script would take most of the time.
            "PYTHONDONTWRITEBYTECODE": "",
            "METAFLOW_USER": "somebody",
            # Plugins are kept in sets, whose order is that of hashes.
            "PYTHONHASHSEED": "0",
            "METAFLOW_SERVICE_RETRY_COUNT": "1",
            "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(tmp_path),
        }
        command = [sys.executable, "-c", textwrap.dedent(script)]
        finished = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    return run


def tree_of(series, version, **changed):
    root = series.root(version, "before")
    paths = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]

    def read(path):
        return changed[path] if path in changed else (root / path).read_text()

    return SourceTree(paths, read)


def applied(name, tree):
    next(each for each in SERIES if each.name == name).apply(tree)


def both(python, version, script):
    """The script's output, which must be the same before and after."""
    before, after = (python(version, side, script) for side in ("before", "after"))
    assert after == before
    return after
