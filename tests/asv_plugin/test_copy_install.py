"""A commit is built by copying, compiled, and moved in and back: replaced whole by the next."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import uv

from mfbench.asv_plugin.copy_install import COMMIT
from mfbench.foundation.git_command import git
from mfbench.foundation.paths import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def environment(tmp_path):
    """Python of an empty environment, as asv's is before anything is installed."""
    folder = tmp_path / "environment"
    command = [uv.find_uv_bin(), "venv", "--quiet", "-p", sys.executable, folder]
    subprocess.run(command, check=True)
    return folder / "bin" / "python"


def copy_install(python, *arguments):
    """Run it as asv.conf.json does."""
    command = [python, "-m", "mfbench.asv_plugin.copy_install", *map(str, arguments)]
    said = subprocess.check_output(command, cwd=ROOT, stderr=subprocess.STDOUT, text=True)
    assert said == ""


def installed(python):
    """Return the installed package, None if there is none."""
    code = "from importlib.util import find_spec; s = find_spec('metaflow'); print(s and s.origin)"
    printed = subprocess.check_output([python, "-c", code], text=True).strip()
    return None if printed == "None" else Path(printed).parent


def test_a_commit_replaces_the_one_before_and_is_compiled(tmp_path, upstream, environment):
    for version in git(upstream, "tag").split()[-2:]:
        checkout = tmp_path / f"checkout-{version}"
        git(upstream, "worktree", "add", "--quiet", "--detach", str(checkout), version)
        copy_install(environment, "build", checkout, tmp_path / version)
        copy_install(environment, "install", tmp_path / version, checkout, version)
        package = installed(environment)
        assert {path.relative_to(package) for path in package.rglob("*.py")} == {
            path.relative_to(checkout / "metaflow") for path in checkout.glob("metaflow/**/*.py")
        }
        compiled = list(package.rglob("*.pyc"))
        assert len(compiled) > 100
        # Flags of a .pyc: 1 says that it is valid by its hash, unchecked; see PEP 552.
        assert {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled} == {1}
    for _ in range(2):
        copy_install(environment, "uninstall")
        assert installed(environment) is None


@pytest.fixture
def caches(environment, tmp_path):
    """The caches of two builds that differ in the package's text, with the checkout's name."""
    for name in ("first", "second"):
        package = tmp_path / f"checkout-{name}" / "metaflow"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(name)
        copy_install(environment, "build", package.parent, tmp_path / "builds" / name)
    return tmp_path / "builds" / "first", tmp_path / "builds" / "second"


def install(environment, cache):
    checkout = cache.parent.parent / f"checkout-{cache.name}"
    copy_install(environment, "install", cache, checkout, f"commit-{cache.name}")
    # asv takes a cache for one that holds a build if anything is in it.
    assert any(cache.iterdir()) and not (cache / "metaflow").exists()
    assert text_of(installed(environment)) == cache.name
    assert (installed(environment) / COMMIT).read_text() == f"commit-{cache.name}"


def text_of(package):
    return (package / "__init__.py").read_text()


def test_what_is_installed_goes_back_to_where_it_came_from(environment, caches):
    first, second = caches
    numbers = {cache: (cache / "metaflow").stat().st_ino for cache in caches}
    for cache, other in ((first, second), (second, first), (second, first), (first, second)):
        install(environment, cache)
        assert text_of(other / "metaflow") == other.name
        # Nothing was copied.
        assert installed(environment).stat().st_ino == numbers[cache]
    copy_install(environment, "uninstall")
    assert text_of(first / "metaflow") == "first"


def test_what_has_no_cache_to_go_back_to_is_removed(environment, caches):
    first, second = caches
    install(environment, first)
    # asv removes caches that are old.
    shutil.rmtree(first)
    install(environment, second)
    assert not first.exists()
    # Built once more meanwhile: the newer one is kept.
    shutil.copytree(installed(environment), second / "metaflow")
    (second / "metaflow" / "__init__.py").write_text("newer")
    copy_install(environment, "uninstall")
    assert (installed(environment), text_of(second / "metaflow")) == (None, "newer")


def test_what_somebody_else_has_put_there_gets_into_no_cache(environment, caches):
    first, second = caches
    install(environment, first)
    # As pip does, or an older checkout of this project, whose installations are copies.
    (package := installed(environment)).rename(first / "lost")
    package.mkdir()
    (package / "__init__.py").write_text("foreign")
    install(environment, second)
    assert not (first / "metaflow").exists()
    # What was lost is built again.
    install(environment, first)
    assert text_of(second / "metaflow") == "second"


def test_a_checkout_that_is_copied_or_renamed_keeps_what_is_its_own(tmp_path, environment, caches):
    install(environment, caches[0])
    copy = Path(shutil.copytree(tmp_path, tmp_path.with_name("copy"), symlinks=True))
    renamed = tmp_path.rename(tmp_path.with_name("renamed"))
    python, cache = environment.relative_to(tmp_path), caches[0].relative_to(tmp_path)
    for folder in (copy, renamed):
        copy_install(folder / python, "uninstall")
        assert text_of(folder / cache / "metaflow") == "first"
        assert installed(folder / python) is None
