"""The search for extensions: quick when nothing has changed, and never out of date."""

import shutil

import pytest

from benchmarks.support.distributions import age, install
from tests.optimizations.extension_searches import extension, kept, local_extension
from tests.optimizations.optimized_releases import VERSIONS


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
    age(site)
    assert "_pythonpath_0" in found(more=[str(source)]) and found.asked == [True, False]


def test_what_an_extension_chooses_itself_is_not_kept(found, site, tmp_path):
    chooses = "def filter_function(file): return 'left_out' not in file\n"
    more = {"mfextmeta_local.py": chooses, "local/left_out.txt": ""}
    more = {f"metaflow_extensions/{path}": text for path, text in more.items()}
    source = local_extension(tmp_path, extension("local") | more)
    text = found(more=[str(source)])
    assert "mfextmeta_local.py" in text and "left_out" not in text
    assert found.asked == [True, True] and not kept(tmp_path)
