"""Real releases before and after the series, and scripts run with them."""

import io
import os
import subprocess
import sys
import tarfile
import textwrap

import pytest
import uv

from mfbench.foundation.git_command import commit_of, git_bytes
from mfbench.foundation.paths import UPSTREAM
from mfbench.repository import build, releases
from mfbench.repository.series import write_pulls, write_series
from optimizations import SERIES
from optimizations.edits import SourceTree

NEWEST = releases.load()[-1].version
VERSIONS = ["2.10.4", "2.12.0", "2.15.0", NEWEST]


@pytest.fixture(scope="session")
def some_releases():
    """Four releases, the oldest and the newest among them."""
    return [release for release in releases.load() if release.version in VERSIONS]


@pytest.fixture(scope="session")
def release_python(made_once):
    """A function that gives the Python of an environment with a release of metaflow.

    What it runs must not write into the environment: other tests use it at the same time.
    """
    build.ensure(UPSTREAM)

    def environment(version):
        name = f"metaflow-{version}"
        return made_once(name, lambda folder: make_environment(folder, version)) / "bin/python"

    return environment


def make_environment(folder, version):
    """Make an environment as asv's is: the pins, and the package copied into site-packages."""
    python = folder / "bin" / "python"
    install = [uv.find_uv_bin(), "pip", "install", "--quiet", "--python", str(python)]
    install += ["--constraint", "constraints.txt", "numpy", "asv_runner", "requests", "xxhash"]
    install += ["--group", "pyproject.toml:measured", "blake3"]
    subprocess.run([uv.find_uv_bin(), "venv", "--quiet", "-p", sys.executable, folder], check=True)
    subprocess.run(install, check=True)
    site_packages = next(folder.glob("lib/python*/site-packages"))
    extract(commit_of(UPSTREAM, version), site_packages, "metaflow")
    subprocess.run([python, "-m", "compileall", "-q", site_packages / "metaflow"], check=False)


def extract(commit, folder, *paths):
    archive = io.BytesIO(git_bytes(UPSTREAM, "archive", commit, *paths))
    with tarfile.open(fileobj=archive) as files:
        files.extractall(folder, filter="data")


class OptimizedReleases(dict):
    """The series' commits by release; the folders of a release are made when it is asked for.

    A side of a release is "before", "after" (all optimisations), NAME (one, on what it needs), or
    "below NAME".
    """

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self._pulls = {}

    def __missing__(self, version):
        self[version] = write_series(UPSTREAM, commit_of(UPSTREAM, version))
        return self[version]

    def pulls(self, version):
        """Return the commit of each optimisation alone, by name."""
        if version not in self._pulls:
            pulls = write_pulls(UPSTREAM, commit_of(UPSTREAM, version))
            self._pulls[version] = {each.name: each for each in pulls}
        return self._pulls[version]

    def commit(self, version, side):
        """Return the commit of one side of a release."""
        if side == "before":
            return commit_of(UPSTREAM, version)
        if side == "after":
            return next(each.hash for each in reversed(self[version]) if each.hash)
        below, _, name = side.rpartition(" ")
        pull = self.pulls(version)[name]
        assert pull.hash, pull.refusal
        return pull.below if below else pull.hash

    def root(self, version, side):
        """Return the folder of one side of a release."""
        folder = self.folder / version / self.commit(version, side)[:12]
        if not folder.exists():
            extract(self.commit(version, side), folder)
        return folder


@pytest.fixture(scope="session")
def series(tmp_path_factory):
    """The series on each release, and the folders of each release before and after it.

    In the project's own repository, where a run of the tests leaves for the next one (and for its
    other processes) what applying the series to an old release came to. No branch moves there.
    """
    build.ensure(UPSTREAM)
    return OptimizedReleases(tmp_path_factory.mktemp("optimized"))


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
    """Return the files of a release to edit, some of them with another text."""
    root = series.root(version, "before")
    paths = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    return SourceTree(
        paths, lambda path: changed[path] if path in changed else (root / path).read_text()
    )


def applied(name, tree):
    next(each for each in SERIES if each.name == name).apply(tree)


def both(python, version, script):
    """The script's output, which must be the same before and after."""
    before, after = (python(version, side, script) for side in ("before", "after"))
    assert after == before
    return after
