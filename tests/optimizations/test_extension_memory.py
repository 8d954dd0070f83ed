"""What a search for extensions keeps: it does no harm when it is damaged, old or in the way."""

import os

import pytest

from benchmarks.support.distributions import age, install
from tests.optimizations.extension_searches import LONG_AGO, extension, kept
from tests.optimizations.optimized_releases import NEWEST


def test_a_path_that_cannot_be_followed_is_searched_as_ever(found, site, tmp_path):
    install(site, "small", "metaflow_extensions", extension())
    age(site)
    first = "import pathlib; sys.path.append(pathlib.Path(sys.path[-1]))"
    assert found(first=first).startswith("['small']")
    assert found.asked == [True, True] and not kept(tmp_path)


@pytest.mark.parametrize(
    "first",
    [
        "sys.path.append(None)",
        "sys.path.append(b'bytes')",
        "os.mkdir('gone'); os.chdir('gone'); os.rmdir('../gone'); sys.path.append('relative')",
    ],
)
def test_what_stops_the_search_itself_is_no_error_of_the_memory(found, python, tmp_path, first):
    script = f"""
        import importlib.metadata, os, sys
        from metaflow.extension_support.discovery_cache import Search
        {first}
        search = Search([], None)
        print(search.recall(list))
        search.remember(importlib.metadata, {{}}, {{}})
    """
    found.let_metaflow_be_old(NEWEST)
    os.utime(tmp_path, LONG_AGO)
    assert python(NEWEST, "after", script) == "None\n"
    assert not kept(tmp_path)


@pytest.mark.parametrize("record", [None, "", 'metaflow_extensions/"\n'])
def test_a_broken_list_of_files_does_no_harm(found, site, record):
    install(site, "small", "metaflow_extensions", extension())
    (site / "small-1.0.dist-info" / "RECORD").unlink()
    if record is not None:
        (site / "small-1.0.dist-info" / "RECORD").write_text(record)
    age(site)
    assert "'small'" in found()


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
    os.utime(search, (search.stat().st_mtime - 1800,) * 2)
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
