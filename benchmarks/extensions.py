"""Extension discovery: what every import of metaflow pays for looking for extension packages."""

import importlib.util
import multiprocessing
import os
import sys
import time
from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.datastores import metaflow, require_metaflow
from benchmarks.distributions import age, install
from benchmarks.surroundings import fresh_folder

if metaflow is not None:
    from metaflow import extension_support

FORK = multiprocessing.get_context("fork")
# Not imported: a start pays for that, too.
REMEMBERS = "metaflow.extension_support.discovery_cache"
# What has changed more recently counts as being installed still. Asking too late does no harm.
SETTLING_SECONDS = 2.5


def install_distributions(folder, count):
    """Write distributions that have nothing to do with metaflow, as far as a search looks."""
    for index in range(count):
        install(folder, f"other_{index}", f"other_{index}", {})


def install_extension(folder):
    """Write an extension package that adds one module at one extension point."""
    install(
        folder,
        "small_metaflow_extension",
        "metaflow_extensions",
        {"metaflow_extensions/small/config/mfextinit_small.py": "SMALL_SETTING = 1\n"},
    )


def settle():
    """Wait until no folder of `sys.path` has just changed: asv installs right before it runs."""
    folders = [path for path in map(Path, sys.path) if path.is_dir()]
    give_up = time.time() + 4 * SETTLING_SECONDS
    while max(path.stat().st_mtime for path in folders) > time.time() - SETTLING_SECONDS:
        if time.time() > give_up:
            raise RuntimeError("a folder of sys.path keeps changing: nothing can be remembered")
        time.sleep(0.1)


class FirstDiscovery:
    """Find the installed extensions for the first time: the start after something was installed.

    Loading `importlib.metadata` is not in it: asv's own process has loaded it.
    """

    params = ((0, 200), (0, 1))
    param_names = ("other_distributions", "extensions")
    version = "1"
    number, repeat, rounds, warmup_time, timeout = 1, 1, 7, 0, 60

    def setup(self, other_distributions, extensions):
        require_metaflow()
        # No public function repeats the search that importing metaflow makes.
        self.discover = getattr(extension_support, "_get_extension_packages", None)
        if self.discover is None:
            raise SkipNotImplemented("this release has no _get_extension_packages")
        folder = fresh_folder()
        install_distributions(folder, other_distributions)
        if extensions:
            install_extension(folder)
        age(folder)
        sys.path.append(str(folder))
        # What a search remembers lies there. It is asked for at each search.
        self.home = fresh_folder()
        os.environ["METAFLOW_HOME"] = str(self.home)
        settle()

    def time_discover(self, other_distributions, extensions):
        self.found = self.discover()

    def teardown(self, other_distributions, extensions):
        packages = getattr(self, "found", None)
        if packages is not None and len(packages[0]) != extensions:
            raise RuntimeError(f"{len(packages[0])} extensions were found, not {extensions}")


class Discovery(FirstDiscovery):
    """Find the installed extensions once more: at every import of metaflow, so in every task."""

    version = "2"

    def setup(self, other_distributions, extensions):
        super().setup(other_distributions, extensions)
        # In another process, as another start is: this one is to know nothing by itself.
        earlier = FORK.Process(target=self.discover)
        earlier.start()
        earlier.join()
        if earlier.exitcode:
            raise RuntimeError("the search before the measured one failed")
        if (
            extensions
            and importlib.util.find_spec(REMEMBERS)
            and not any(self.home.rglob("*.json"))
        ):
            raise RuntimeError("the search before the measured one was not remembered")


class RepeatedDiscovery(FirstDiscovery):
    """Find the installed extensions a second time in one process: the search and nothing else.

    What Python loads for the first search, and what it remembers of distributions, is there.
    """

    def setup(self, other_distributions, extensions):
        super().setup(other_distributions, extensions)
        self.discover()
