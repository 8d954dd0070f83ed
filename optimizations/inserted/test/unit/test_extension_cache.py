import importlib
import os
import sys
import time

import pytest

from metaflow import extension_support

metadata = pytest.importorskip("importlib.metadata", reason="Python 3.8 and later")


def install(site, name, top_level, age=3600):
    """Install a distribution, `age` seconds ago."""
    info = site / ("%s-1.0.dist-info" % name)
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: %s\nVersion: 1.0\n" % name)
    (info / "top_level.txt").write_text(top_level + "\n")
    (info / "RECORD").write_text("")
    if top_level == "metaflow_extensions":
        config = site / top_level / name / "config" / ("mfextinit_%s.py" % name)
        config.parent.mkdir(parents=True)
        config.write_text("SETTING = 1\n")
        file = config.relative_to(site).as_posix()
        (info / "RECORD").write_text("%s,,\n" % file)
    os.utime(str(site), (time.time() - age, time.time() - age))


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    for number in range(20):
        install(folder, "other%d" % number, "other")
    install(folder, "ours", "metaflow_extensions")
    return folder


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("METAFLOW_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def search(site, home, mocker):
    """Search anew; return the extensions and how many distributions were read."""
    mocker.patch.object(sys, "path", sys.path + [str(site)])
    mocker.patch.dict(sys.modules)
    read_text = metadata.PathDistribution.read_text

    def run():
        read = set()

        def record(dist, filename):
            if filename == "top_level.txt" and site in dist._path.parents:
                read.add(dist._path.name)
            return read_text(dist, filename)

        mocker.patch.object(metadata.PathDistribution, "read_text", record)
        sys.modules.pop("metaflow_extensions", None)
        importlib.invalidate_caches()
        packages, points = extension_support._get_extension_packages(True)
        assert len(points.get("config", [])) == len(packages)
        return sorted(packages), len(read)

    return run


def test_the_next_search_reads_extensions_only(search):
    assert search() == (["ours"], 21)
    assert search() == (["ours"], 1)


def test_installed_and_removed_extensions_are_seen(search, site):
    search()
    install(site, "theirs", "metaflow_extensions", age=1800)
    assert search() == (["ours", "theirs"], 22)
    assert search() == (["ours", "theirs"], 2)
    (site / "ours-1.0.dist-info").rename(site / "ours-1.0.removed")
    assert search() == (["theirs"], 21)


def test_an_edited_extension_is_seen(search, site):
    search()
    (site / "metaflow_extensions" / "ours" / "new.py").write_text("")
    record = site / "ours-1.0.dist-info" / "RECORD"
    record.write_text(record.read_text() + "metaflow_extensions/ours/new.py,,\n")
    search()
    packages, _ = extension_support._get_extension_packages(True)
    assert "ours/new.py" in packages["ours"]["files"]


def test_requirements_of_an_extension_are_loaded_first(search, site):
    install(site, "a", "metaflow_extensions")
    with (site / "a-1.0.dist-info" / "METADATA").open("a") as f:
        f.write("Requires-Dist: ours>=1\n")
    for _ in range(2):
        search()
        _, points = extension_support._get_extension_packages(True)
        assert [each.package_name for each in points["config"]] == ["ours", "a"]


def test_a_folder_that_changed_just_now_is_not_cached(search, site):
    os.utime(str(site), None)
    assert search() == (["ours"], 21)
    assert search() == (["ours"], 21)


@pytest.mark.parametrize("content", ["", "[]", "null", '{"SITE": 1}', None])
def test_an_unusable_cache_is_ignored(search, home, site, content):
    search()
    cache = home / "ext_distributions.json"
    if content is None:
        cache.unlink()
        cache.mkdir()
    else:
        cache.write_text(content.replace("SITE", str(site)))
    assert search() == (["ours"], 21)
    if content is not None:
        search()
        assert search() == (["ours"], 1)


def test_another_finder_of_distributions_is_asked(search, mocker):
    search()
    finder = mocker.Mock(spec=["find_distributions", "find_spec"])
    finder.find_distributions.return_value = []
    finder.find_spec.return_value = None
    mocker.patch.object(sys, "meta_path", sys.meta_path + [finder])
    assert search() == (["ours"], 21)
    finder.find_distributions.assert_called()


def test_without_an_extension_no_cache_is_written(search, home, site, tmp_path):
    for path in [site / "ours-1.0.dist-info", site / "metaflow_extensions"]:
        path.rename(tmp_path / path.name)
    assert search() == ([], 0)
    assert not home.exists()
