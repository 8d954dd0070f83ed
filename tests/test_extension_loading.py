"""The search for extensions: quick when nothing has changed, and never out of date."""

import os
import shutil
import time
from pathlib import Path

import pytest

from benchmarks.distributions import age, install
from tests.optimized_releases import NEWEST, VERSIONS

# One time for all starts: another one would be a change.
LONG_AGO = (time.time() - 3600,) * 2
FOUND = """
    import os, sys
    # What is compiled beside an extension would be a change of just now.
    sys.dont_write_bytecode = True
    sys.path.append(os.path.join(os.getcwd(), "site"))
    sys.path.extend({more!r})
    {first}
    from metaflow import extension_support as support
    print(sorted(support._all_packages))
    print({{point: [tuple(package) for package in found]
           for point, found in support._pkgs_per_extension_point.items()}})
    for name, package in support._all_packages.items():
        print(name, package.get("version"), sorted(package["files"]), package["root_paths"])
        print(sorted(package.get("full_path_files", ())))
    print(support.get_modules("config"), support.get_modules("plugins"))
    print("importlib.metadata" in sys.modules)
"""


class Look:
    """What both sides find; the optimised one twice, for the second time it may remember."""

    def __init__(self, python, series, folder):
        self.python, self.series, self.folder = python, series, folder

    def __call__(self, more=(), first="", version=NEWEST):
        self.let_metaflow_be_old(version)
        script = FOUND.format(more=list(more), first=first)
        before, *after = (
            self.start(version, side, script) for side in ("before", "after", "after")
        )
        assert [found for found, _ in after] == [before[0]] * 2
        self.asked = [asked for _, asked in after]
        return before[0]

    def start(self, version, side, script):
        # The working directory is on the path too, and was made just now.
        os.utime(self.folder, LONG_AGO)
        *found, asked = self.python(version, side, script).splitlines()
        return "\n".join(found), asked == "True"

    def let_metaflow_be_old(self, version):
        """Its folder is on the path: what was changed there just now would not be kept either."""
        for side in ("before", "after"):
            root = self.series.root(version, side)
            if not list(root.glob("metaflow/__pycache__")):
                self.python(version, side, "import metaflow")
            os.utime(root, LONG_AGO)


@pytest.fixture
def found(python, series, tmp_path):
    return Look(python, series, tmp_path)


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    for index in range(5):
        install(folder, f"other_{index}", f"other_{index}", {})
    return folder


def extension(name="small", point="config"):
    return {f"metaflow_extensions/{name}/{point}/mfextinit_{name}.py": "SETTING = 1\n"}


def local_extension(folder, files=None):
    """An extension on the path that nobody installed."""
    for path, text in (files or extension("local")).items():
        (folder / "source" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / path).write_text(text)
    age(folder / "source")
    return folder / "source"


def kept(tmp_path):
    return list(Path(tmp_path).glob("home/.metaflowconfig/extension_discovery/*.json"))


def test_without_an_extension_nothing_is_kept(found, site, tmp_path):
    age(site)
    assert found().startswith("[]\n{}\n")
    assert not kept(tmp_path)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_installed_extension_is_remembered(found, site, tmp_path, version):
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    text = found(version=version)
    assert text.startswith("['small']") and "mfextinit_small.py'>" in text
    assert found.asked == [True, False]
    assert len(kept(tmp_path)) == 1


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
    assert found.asked == [True, False]
    change(site)
    second = found()
    assert found.asked[0]
    # The text of a module is not what a search finds.
    assert (second == first) == (change is edit)


def test_a_change_of_the_same_age_is_seen(found, site, tmp_path):
    """A new file whose time is as old as all others: its folder has another time."""
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    first = found()
    add_another(site)
    age(site, 1800)
    assert found() != first


def test_an_extension_that_is_edited_in_place_is_followed(found, site, tmp_path):
    source = local_extension(tmp_path, extension("edited", "plugins"))
    install(site, "edited", "metaflow_extensions", {"__editable__.edited.pth": f"{source}\n"})
    age(site)
    first = found(more=[str(source)])
    assert "edited" in first and kept(tmp_path)
    folder = source / "metaflow_extensions" / "edited" / "config"
    folder.mkdir()
    (folder / "mfextinit_edited.py").write_text("SETTING = 1\n")
    second = found(more=[str(source)])
    assert "mfextinit_edited" in second and second != first


def test_a_package_on_the_path_is_followed(found, site, tmp_path):
    source = local_extension(tmp_path)
    first = found(more=[str(source)])
    assert "_pythonpath_0" in first and kept(tmp_path)
    (source / "metaflow_extensions/local/config/more.py").write_text("")
    assert found(more=[str(source)]) != first


def test_a_folder_without_an_extension_is_followed_too(found, site, tmp_path):
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    source = local_extension(tmp_path)
    (file,) = source.rglob("*.py")
    file.unlink()
    age(source)
    assert "local" not in found(more=[str(source)])
    assert found.asked == [True, False]
    file.write_text("SETTING = 1\n")
    assert "mfextinit_local" in found(more=[str(source)])


def test_links_that_lead_in_circles_are_followed_once(found, site, tmp_path):
    source = local_extension(tmp_path)
    folder = source / "metaflow_extensions" / "local"
    for name in ("again", "and_again"):
        (folder / name).symlink_to(folder)
    age(source)
    assert "_pythonpath_0" in found(more=[str(source)]) and found.asked == [True, False]


def test_what_an_extension_chooses_itself_is_not_kept(found, site, tmp_path):
    chooses = "def filter_function(file): return 'left_out' not in file\n"
    more = {"mfextmeta_local.py": chooses, "local/left_out.txt": ""}
    more = {f"metaflow_extensions/{path}": text for path, text in more.items()}
    source = local_extension(tmp_path, extension("local") | more)
    text = found(more=[str(source)])
    assert "mfextmeta_local.py" in text and "left_out" not in text
    assert found.asked == [True, True] and not kept(tmp_path)


@pytest.mark.parametrize(
    "first",
    [
        "sys.path.append(None)",
        "import pathlib; sys.path.append(pathlib.Path(sys.path[-1]))",
        "sys.path.append(b'bytes')",
        "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); sys.path.append('relative')",
    ],
)
def test_a_path_that_cannot_be_followed_is_searched_as_ever(found, site, tmp_path, first):
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    assert found(first=first).startswith("['small']")
    assert found.asked == [True, True] and not kept(tmp_path)


@pytest.mark.parametrize("record", [None, "", 'metaflow_extensions/"\n'])
def test_a_broken_list_of_files_does_no_harm(found, site, record):
    install(site, "small", "metaflow_extensions", extension())
    (site / "small-1.0.dist-info" / "RECORD").unlink()
    if record is not None:
        (site / "small-1.0.dist-info" / "RECORD").write_text(record)
    age(site)
    assert found().startswith("['small']")


def test_a_distribution_that_has_vanished_is_not_kept(found, python, tmp_path):
    age(tmp_path)
    found.let_metaflow_be_old(NEWEST)
    script = """
        import importlib.metadata
        from metaflow.extension_support.discovery_cache import Search
        package = {"root_paths": [], "meta_module": None, "version": "1.0"}
        Search([], None).remember(importlib.metadata, {"nonesuch": package}, {})
    """
    python(NEWEST, "after", script)
    assert not kept(tmp_path)


def test_another_metaflow_in_the_same_place_searches_anew(found, series, site):
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    assert found() and found.asked == [True, False]
    search = series.root(NEWEST, "after") / "metaflow/extension_support/__init__.py"
    os.utime(search, (time.time() - 1800,) * 2)
    assert found() and found.asked == [True, False]


def test_what_no_start_has_used_for_a_month_is_dropped(found, site, tmp_path):
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    folder = tmp_path / "home/.metaflowconfig/extension_discovery"
    folder.mkdir(parents=True)
    for days in (20, 40):
        (folder / f"{days}.json").write_text("{}")
        age(folder / f"{days}.json", days * 24 * 3600)
    found()
    assert (folder / "20.json").exists() and not (folder / "40.json").exists()
    assert len(kept(tmp_path)) == 2


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
