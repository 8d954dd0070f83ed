"""A search for extensions before and after the series, and folders to search in."""

import os
import time
from pathlib import Path

import pytest

from benchmarks.support.distributions import age, install
from tests.optimizations.optimized_releases import NEWEST

# One time for all starts: another one would be a change.
LONG_AGO = (time.time() - 3600,) * 2
FOUND = """
    import os, sys
    # What is compiled beside an extension would be a change of just now.
    sys.dont_write_bytecode = True
    # urllib3, which it brings, asks for importlib.metadata itself; old releases import it.
    sys.modules["boto3"] = sys.modules["botocore"] = None
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
    # What changed in the last seconds is not kept, and a quick machine starts within them.
    age(folder)
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
