"""The search for extensions: quick when nothing has changed, and never out of date."""

import os
import shutil
import time
from pathlib import Path

import pytest

from tests.optimized_releases import NEWEST

FOUND = """
    import os, sys
    sys.path.append(os.path.join(os.getcwd(), "site"))
    sys.path.extend(line for line in {more!r})
    from metaflow import extension_support as support
    print(sorted(support._all_packages))
    print({{point: [tuple(package) for package in found]
           for point, found in support._pkgs_per_extension_point.items()}})
    print([(name, package["version"], sorted(package["files"]), package["root_paths"],
            sorted(package["full_path_files"])) for name, package in support._all_packages.items()])
    print(support.get_modules("config"), support.get_modules("plugins"))
    asked = "importlib.metadata" in sys.modules
    print("asked" if asked else "remembered", file=sys.stderr)
"""


@pytest.fixture(autouse=True)
def metaflow_was_installed_long_ago(series, python):
    """Its folder is on the path: what was changed there just now would not be kept either."""
    for side in ("before", "after"):
        if not list(series.root(NEWEST, side).glob("metaflow/__pycache__")):
            python(NEWEST, side, "import metaflow")
        os.utime(series.root(NEWEST, side), (time.time() - 3600,) * 2)


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    for index in range(5):
        install(folder, f"other_{index}", f"other_{index}", {})
    return folder


def install(site, name, package, files, version="1.0"):
    for path, text in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)
    information = site / f"{name}-{version}.dist-info"
    information.mkdir(parents=True, exist_ok=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    )
    (information / "top_level.txt").write_text(f"{package}\n")
    names = [*files, *(f"{information.name}/{each}" for each in ("METADATA", "RECORD"))]
    names.append(f"{information.name}/top_level.txt")
    (information / "RECORD").write_text("".join(f"{each},,\n" for each in names))


def extension(name="small", point="config"):
    return {f"metaflow_extensions/{name}/{point}/mfextinit_{name}.py": "SETTING = 1\n"}


def age(folder, seconds=3600):
    """Let everything below have been changed a while ago, as what is installed has."""
    then = time.time() - seconds
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (then, then))


@pytest.fixture
def found(python, tmp_path):
    """What both sides find; the optimised one twice, for the second time it may remember."""

    def look(more=()):
        # What is compiled beside an extension would be a change of just now.
        script = "    import sys; sys.dont_write_bytecode = True" + FOUND.format(more=list(more))
        # The working directory is on the path too, and was made just now.
        os.utime(tmp_path, (time.time() - 3600,) * 2)
        before = python(NEWEST, "before", script)
        after = [python(NEWEST, "after", script) for _ in range(2)]
        assert after == [before, before]
        return before

    return look


def kept(tmp_path):
    return list(Path(tmp_path).glob("home/.metaflowconfig/extension_discovery/*.json"))


def test_without_an_extension_nothing_is_kept(found, site, tmp_path):
    age(site)
    assert found().startswith("[]\n{}\n")
    assert not kept(tmp_path)


def test_an_installed_extension_is_remembered(found, site, tmp_path):
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    assert found().startswith("['small']")
    assert len(kept(tmp_path)) == 1


def test_remembering_asks_no_distribution(python, site, tmp_path):
    install(site, "small", "metaflow_extensions", extension())
    python(NEWEST, "before", "import metaflow")
    age(tmp_path)
    script = FOUND.format(more=[]).replace(", file=sys.stderr", "")
    script = script.replace("sys.path.append(", "sys.dont_write_bytecode = True; sys.path.append(")
    first, second = (python(NEWEST, "after", script).splitlines()[-1] for _ in range(2))
    assert (first, second) == ("asked", "remembered")


def test_what_has_just_changed_is_not_kept(found, site, tmp_path):
    install(site, "small", "metaflow_extensions", extension())
    # Later than now: a start takes longer than what counts as just now.
    age(site, -60)
    assert found().startswith("['small']")
    assert not kept(tmp_path)


def add_another(site):
    install(site, "another", "metaflow_extensions", extension("another"))


def remove(site):
    shutil.rmtree(site / "small-1.0.dist-info")
    shutil.rmtree(site / "metaflow_extensions" / "small")


def add_a_file(site):
    files = extension() | extension("small", "plugins")
    install(site, "small", "metaflow_extensions", files)


def upgrade(site):
    shutil.rmtree(site / "small-1.0.dist-info")
    install(site, "small", "metaflow_extensions", extension(), version="2.0")


def edit(site):
    path = site / next(iter(extension()))
    path.write_text("SETTING = 2\n")


def describe_anew(site):
    record = site / "small-1.0.dist-info" / "RECORD"
    (site / "metaflow_extensions/small/config/more.py").write_text("")
    record.write_text(record.read_text() + "metaflow_extensions/small/config/more.py,,\n")


@pytest.mark.parametrize("change", [add_another, remove, add_a_file, upgrade, edit, describe_anew])
def test_a_change_is_seen_at_the_next_start(found, site, tmp_path, change):
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    first = found()
    assert kept(tmp_path)
    change(site)
    second = found()
    assert second != first or change is edit


def test_a_change_of_the_same_age_is_seen(found, site, tmp_path):
    """A new file whose time is as old as all others: its folder has another time."""
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    first = found()
    add_another(site)
    age(site, 1800)
    assert found() != first


def test_an_extension_that_is_edited_in_place_is_followed(found, site, tmp_path):
    source = tmp_path / "source"
    files = extension("edited", "plugins")
    for path, text in files.items():
        (source / path).parent.mkdir(parents=True)
        (source / path).write_text(text)
    install(site, "edited", "metaflow_extensions", {"__editable__.edited.pth": f"{source}\n"})
    age(site)
    age(source)
    first = found(more=[str(source)])
    assert "edited" in first and kept(tmp_path)
    folder = source / "metaflow_extensions" / "edited" / "config"
    folder.mkdir()
    (folder / "mfextinit_edited.py").write_text("SETTING = 1\n")
    second = found(more=[str(source)])
    assert "mfextinit_edited" in second and second != first


def test_a_package_on_the_path_is_followed(found, site, tmp_path):
    source = tmp_path / "source"
    for path, text in extension("local").items():
        (source / path).parent.mkdir(parents=True)
        (source / path).write_text(text)
    age(source)
    first = found(more=[str(source)])
    assert "_pythonpath_0" in first and kept(tmp_path)
    (source / "metaflow_extensions/local/config/more.py").write_text("")
    assert found(more=[str(source)]) != first


@pytest.mark.parametrize("damage", ["", "{", '{"searched": 1}', "[]", "null"])
def test_a_damaged_memory_is_ignored(found, site, tmp_path, damage):
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    first = found()
    for path in kept(tmp_path):
        path.write_text(damage)
    assert found() == first


def test_a_home_that_cannot_be_written_does_no_harm(found, site, tmp_path):
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    (tmp_path / "home" / ".metaflowconfig").write_text("a file, so that no folder can be made\n")
    assert found().startswith("['small']")
