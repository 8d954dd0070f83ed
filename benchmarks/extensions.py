"""Extension discovery: what every import of metaflow pays for looking for extension packages."""

import os
import sys
import time
from pathlib import Path

from benchmarks.support.datastores import metaflow, require_metaflow
from benchmarks.support.declarations import OneSamplePerProcess
from benchmarks.support.distributions import age, install
from benchmarks.support.environment import fresh_folder
from benchmarks.support.processes import run_in_fork

if metaflow is not None:
    from metaflow import extension_support

covers = ("metaflow/extension_support/*",)


# A folder that changed more recently counts as still being installed to, and is not remembered.
SETTLING_SECONDS = 2.5


class FirstDiscovery(OneSamplePerProcess):
    """Find the installed extensions for the first time: the start after something was installed."""

    params = ((0, 200), (0, 1))
    param_names = ("other_distributions", "extensions")
    rounds = 7

    def setup(self, other_distributions, extensions):
        require_metaflow()
        # No public function repeats the search that importing metaflow makes.
        self.discover = extension_support._get_extension_packages
        folder = fresh_folder()
        for index in range(other_distributions):
            install(folder, f"other_{index}", f"other_{index}", {})
        if extensions:
            files = {"metaflow_extensions/small/config/mfextinit_small.py": "SMALL_SETTING = 1\n"}
            install(folder, "small_metaflow_extension", "metaflow_extensions", files)
        age(folder)
        sys.path.append(str(folder))
        # The cache of a search lies there; each search reads the variable.
        os.environ["METAFLOW_HOME"] = str(fresh_folder())
        # Wait until no folder has just changed: asv installs right before it runs.
        folders = [path for path in map(Path, sys.path) if path.is_dir()]
        while max(path.stat().st_mtime for path in folders) > time.time() - SETTLING_SECONDS:
            time.sleep(0.1)

    def time_discover(self, other_distributions, extensions):
        self.found = self.discover()

    def teardown(self, other_distributions, extensions):
        if len(self.found[0]) != extensions:
            raise RuntimeError(f"{len(self.found[0])} extensions were found, not {extensions}")


class Discovery(FirstDiscovery):
    """Find the installed extensions once more: at every import of metaflow, so in every task."""

    version = "2"

    def setup(self, other_distributions, extensions):
        super().setup(other_distributions, extensions)
        # The earlier search runs in another process, as another start does: this one knows nothing.
        run_in_fork(self.discover)


class RepeatedDiscovery(FirstDiscovery):
    """Find the installed extensions a second time in one process: the search and nothing else."""

    def setup(self, other_distributions, extensions):
        super().setup(other_distributions, extensions)
        self.discover()
