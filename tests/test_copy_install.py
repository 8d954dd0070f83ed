"""A commit is built by copying, compiled, and moved in and back: replaced whole by the next."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import uv

from scripts.git_command import executable
from scripts.paths import ROOT


@pytest.fixture
def environment(tmp_path):
    """Python of an empty environment, as asv's is before anything is installed."""
    folder = tmp_path / "environment"
    command = [uv.find_uv_bin(), "venv", "--quiet", "-p", sys.executable, folder]
    subprocess.run(command, check=True)
    return folder / "bin" / "python"


def copy_install(python, *arguments):
    # As asv.conf.json does.
    command = [python, "-m", "scripts.copy_install", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def checked_out(upstream: Path, version: str, folder: Path) -> Path:
    git = [executable(), "-C", str(upstream), "worktree", "add", "--quiet", "--detach"]
    subprocess.run([*git, folder, version], check=True)
    return folder


def installed(python):
    """Return where Python finds the package."""
    code = "from importlib.util import find_spec; s = find_spec('metaflow')\n"
    code += "print(s and s.origin)"
    printed = subprocess.check_output([python, "-c", code], text=True).strip()
    return None if printed == "None" else Path(printed)


def test_a_commit_replaces_the_one_before_and_is_compiled(tmp_path, upstream, environment):
    places = {}
    for version in ("2.12.0", "2.19.39"):
        checkout = checked_out(upstream, version, tmp_path / f"checkout-{version}")
        assert copy_install(environment, "build", checkout, tmp_path / version).returncode == 0
        assert copy_install(environment, "install", tmp_path / version, checkout).returncode == 0
        origin = installed(environment)
        names = {path.relative_to(origin.parent) for path in origin.parent.rglob("*.py")}
        assert names == {
            path.relative_to(checkout / "metaflow") for path in checkout.glob("metaflow/**/*.py")
        }
        places[version] = origin
        compiled = list(origin.parent.rglob("*.pyc"))
        assert len(compiled) > 100
        # Flags of a .pyc: 1 says that it is valid by its hash, unchecked; see PEP 552.
        assert {int.from_bytes(path.read_bytes()[4:8], "little") for path in compiled} == {1}
    assert copy_install(environment, "uninstall").returncode == 0
    assert installed(environment) is None


def code_by_place(cache: Path):
    return {path.relative_to(cache): path.read_bytes() for path in cache.glob("metaflow/**/*.pyc")}


def test_what_an_earlier_build_has_compiled_is_as_if_compiled_here(tmp_path, environment):
    checkout = tmp_path / "checkout"
    (checkout / "metaflow" / "inner").mkdir(parents=True)
    for name in ("__init__", "same", "changed", "gone", "half", "other", "inner/__init__"):
        (checkout / "metaflow" / f"{name}.py").write_text(f"def tell():\n    return {name!r}\n")
    (checkout / "metaflow" / "broken.py").write_text("def tell(:\n")
    first, second = (tmp_path / "builds" / name for name in ("first", "second"))
    alone = tmp_path / "elsewhere" / "alone"
    assert copy_install(environment, "build", checkout, first).returncode == 0
    assert len(code_by_place(first)) == 7
    (checkout / "metaflow" / "changed.py").write_text("ADDED = 1\n")
    (checkout / "metaflow" / "gone.py").unlink()
    # Half of one, and one of another text: neither is taken.
    code = {path.name.partition(".")[0]: first / path for path in code_by_place(first)}
    code["half"].write_bytes(code["half"].read_bytes()[:10])
    content = code["other"].read_bytes()
    code["other"].write_bytes(content[:8] + bytes(8) + content[16:])
    for folder in (second, alone):
        assert copy_install(environment, "build", checkout, folder).returncode == 0
    assert code_by_place(second) == code_by_place(alone)
    assert {path.name.partition(".")[0] for path in code_by_place(alone)} == {
        *("__init__", "same", "changed", "half", "other")
    }
    # What is the same is not compiled again.
    code["same"].write_bytes(code["same"].read_bytes() + b"mark")
    assert copy_install(environment, "build", checkout, second).returncode == 0
    copied = second / code["same"].relative_to(first)
    assert copied.read_bytes() == code["same"].read_bytes()


def checked_out_text(tmp_path, name):
    """Return a checkout of a package that is told by its text."""
    package = tmp_path / f"checkout-{name}" / "metaflow"
    if not package.exists():
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"NAME = {name!r}\n")
    return package.parent


def built(environment, tmp_path, name):
    """Return the cache of its build."""
    cache = tmp_path / "builds" / name
    finished = copy_install(environment, "build", checked_out_text(tmp_path, name), cache)
    assert finished.returncode == 0
    return cache


def install(environment, tmp_path, cache):
    checkout = checked_out_text(tmp_path, cache.name)
    finished = copy_install(environment, "install", cache, checkout)
    assert (finished.returncode, finished.stderr) == (0, "")


def text_of(package):
    return (package / "__init__.py").read_text()


def test_what_is_installed_goes_back_to_where_it_came_from(tmp_path, environment):
    first, second = (built(environment, tmp_path, name) for name in ("first", "second"))
    numbers = {
        cache: (cache / "metaflow" / "__init__.py").stat().st_ino for cache in (first, second)
    }
    for cache, other in ((first, second), (second, first), (second, first), (first, second)):
        install(environment, tmp_path, cache)
        # asv takes a cache for one that holds a build if anything is in it.
        assert any(cache.iterdir()) and not (cache / "metaflow").exists()
        assert text_of(installed(environment).parent) == f"NAME = {cache.name!r}\n"
        assert text_of(other / "metaflow") == f"NAME = {other.name!r}\n"
        # Nothing was copied.
        assert installed(environment).stat().st_ino == numbers[cache]
    assert copy_install(environment, "uninstall").returncode == 0
    assert text_of(first / "metaflow") == "NAME = 'first'\n"


def test_what_has_no_cache_to_go_back_to_is_removed(tmp_path, environment):
    first, second = (built(environment, tmp_path, name) for name in ("first", "second"))
    install(environment, tmp_path, first)
    # asv removes caches that are old.
    shutil.rmtree(first)
    install(environment, tmp_path, second)
    assert not first.exists()
    # Built once more meanwhile: the newer one is kept.
    again = built(environment, tmp_path, "again")
    shutil.copytree(again / "metaflow", second / "metaflow")
    assert copy_install(environment, "uninstall").returncode == 0
    assert (installed(environment), text_of(second / "metaflow")) == (None, "NAME = 'again'\n")


@pytest.mark.parametrize("note", [None, "", "7 ", "7 ../nowhere"])
def test_what_somebody_else_has_put_there_gets_into_no_cache(tmp_path, environment, note):
    first, second = (built(environment, tmp_path, name) for name in ("first", "second"))
    install(environment, tmp_path, first)
    package = installed(environment).parent
    # As an older checkout of this project does, whose installations are copies.
    shutil.rmtree(package)
    shutil.copytree(second / "metaflow", package)
    if note is not None:
        (package.parent / "metaflow-came-from").write_text(note)
    install(environment, tmp_path, second)
    assert not (first / "metaflow").exists()
    # What was lost is built again.
    install(environment, tmp_path, first)
    assert text_of(installed(environment).parent) == "NAME = 'first'\n"
    assert text_of(second / "metaflow") == "NAME = 'second'\n"


def test_a_checkout_that_is_copied_or_renamed_keeps_what_is_its_own(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    command = [uv.find_uv_bin(), "venv", "--quiet", "-p", sys.executable, one / "environment"]
    subprocess.run(command, check=True)
    python = Path("environment", "bin", "python")
    cache = built(one / python, one, "first")
    install(one / python, one, cache)
    shutil.copytree(one, two, symlinks=True)
    assert copy_install(two / python, "uninstall").returncode == 0
    # A copy has no number of its own yet: it is removed, and nothing of the other is touched.
    assert not (cache / "metaflow").exists() and installed(one / python) is not None
    renamed = one.rename(tmp_path / "renamed")
    assert copy_install(renamed / python, "uninstall").returncode == 0
    assert text_of(renamed / "builds" / "first" / "metaflow") == "NAME = 'first'\n"


def test_uninstalling_nothing_is_no_error(environment):
    assert copy_install(environment, "uninstall").returncode == 0


def test_a_commit_without_the_package_is_refused_in_a_line(tmp_path, environment):
    finished = copy_install(environment, "build", tmp_path, tmp_path / "cache")
    assert finished.returncode == 1
    assert finished.stderr == "error: this commit has no package metaflow\n"
