"""The search for extensions, in new processes: each start finds what the release finds."""

import os
import resource
import shutil

import pytest

from benchmarks.support.distributions import age, install
from tests.optimizations.optimized_releases import NEWEST, VERSIONS

FOUND = """
    import os, resource, sys
    sys.dont_write_bytecode = True
    resource.setrlimit(resource.RLIMIT_FSIZE, ({largest}, resource.RLIM_INFINITY))
    asked = []
    sys.addaudithook(lambda event, about: event == "open" and asked.append(str(about[0])))
    # urllib3 asks for the version of a distribution where one of these imports it.
    sys.modules["boto3"] = sys.modules["botocore"] = None
    sys.path.append(os.path.join(os.getcwd(), "site"))
    sys.path.extend({more!r})
    from metaflow import extension_support as support
    print(sorted(support._all_packages))
    print({{point: [tuple(package) for package in found]
           for point, found in support._pkgs_per_extension_point.items()}})
    for name, package in support._all_packages.items():
        print(name, package.get("version"), sorted(package["files"]), package["root_paths"])
        print(sorted(package.get("full_path_files", ())))
    print(support.get_modules("config"), support.get_modules("plugins"))
    print(any("other_0-1.0.dist-info" in name for name in asked))
"""


@pytest.fixture
def found(python):
    """What both sides find, and whether the optimised one asked all distributions: two starts."""

    def find(more=(), version=NEWEST, largest=resource.RLIM_INFINITY):
        script = FOUND.format(more=list(more), largest=largest)
        before, *after = (python(version, each, script) for each in ("before", "after", "after"))
        results = [each.rpartition("\n")[0].rpartition("\n")[::2] for each in after]
        assert {result for result, _ in results} == {before.rpartition("\n")[0].rpartition("\n")[0]}
        return results[0][0], [asked == "True" for _, asked in results]

    return find


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    for index in range(5):
        install(folder, f"other_{index}", f"other_{index}", {})
    install(folder, "small", "metaflow_extensions", extension())
    age(folder)
    return folder


def extension(name="small", point="config"):
    return {f"metaflow_extensions/{name}/{point}/mfextinit_{name}.py": "SETTING = 1\n"}


def local_extension(folder, files):
    for path, text in files.items():
        (folder / "source" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "source" / path).write_text(text)
    age(folder / "source")
    return folder / "source"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_second_start_asks_extensions_alone(found, site, version):
    text, asked = found(version=version)
    assert text.startswith("['small']") and "mfextinit_small.py'>" in text
    assert asked == [True, False]


def add_another(site):
    install(site, "another", "metaflow_extensions", extension("another"))


def remove(site):
    shutil.rmtree(site / "small-1.0.dist-info")
    shutil.rmtree(site / "metaflow_extensions" / "small")


def upgrade(site):
    shutil.rmtree(site / "small-1.0.dist-info")
    install(site, "small", "metaflow_extensions", extension(), version="2.0")


def add_a_file(site):
    install(site, "small", "metaflow_extensions", extension() | extension("small", "plugins"))


@pytest.mark.parametrize("change", [add_another, remove, upgrade, add_a_file])
def test_a_change_is_seen_at_the_next_start(found, site, change):
    first, _ = found()
    change(site)
    os.utime(site, (site.stat().st_mtime - 1800,) * 2)
    assert found()[0] != first


def test_an_extension_that_is_edited_in_place_is_followed(found, site, tmp_path):
    source = local_extension(tmp_path, extension("edited", "plugins"))
    install(site, "edited", "metaflow_extensions", {"__editable__.edited.pth": f"{source}\n"})
    age(site)
    first, _ = found(more=[str(source)])
    config = source / "metaflow_extensions" / "edited" / "config"
    config.mkdir()
    (config / "mfextinit_edited.py").write_text("SETTING = 1\n")
    second, asked = found(more=[str(source)])
    assert "mfextinit_edited" in second and second != first
    assert asked == [False, False]


def test_a_package_on_the_path_is_followed(found, site, tmp_path):
    source = local_extension(tmp_path, extension("local"))
    first, _ = found(more=[str(source)])
    assert "_pythonpath_0" in first
    (source / "metaflow_extensions/local/config/more.py").write_text("")
    assert found(more=[str(source)])[0] != first


def test_starts_at_the_same_time_leave_a_whole_file(python, site, tmp_path):
    script = """
        import os, subprocess, sys
        sys.path.append(os.path.join(os.getcwd(), "site"))
        start = "import sys; sys.path.append(sys.argv[1]); import metaflow"
        command = [sys.executable, "-c", start, sys.path[-1]]
        starts = [subprocess.Popen(command) for _ in range(4)]
        print([each.wait() for each in starts])
    """
    assert python(NEWEST, "after", script) == "[0, 0, 0, 0]\n"
    assert python(NEWEST, "after", script) == "[0, 0, 0, 0]\n"
    home = tmp_path / "home" / ".metaflowconfig"
    assert "small-1.0.dist-info" in (home / "ext_distributions.json").read_text()


def test_a_home_that_cannot_be_written_does_no_harm(found, site, tmp_path):
    (tmp_path / "home" / ".metaflowconfig").write_text("a file, so that no folder can be made\n")
    text, asked = found()
    assert text.startswith("['small']") and asked == [True, True]


def test_a_full_disk_does_no_harm(found, site):
    text, asked = found(largest=10)
    assert text.startswith("['small']") and asked == [True, True]
    assert found() == (text, [True, False])
