"""Extension discovery: what every import of metaflow pays for looking for extension packages."""

import sys

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.datastores import metaflow, require_metaflow
from benchmarks.surroundings import fresh_folder

if metaflow is not None:
    from metaflow import extension_support


def install_distributions(folder, count):
    """Write distributions that have nothing to do with metaflow, as far as a search looks."""
    for index in range(count):
        _install(folder, f"other_{index}", f"other_{index}", {})


def install_extension(folder):
    """Write an extension package that adds one module at one extension point."""
    _install(
        folder,
        "small_metaflow_extension",
        "metaflow_extensions",
        {"metaflow_extensions/small/config/mfextinit_small.py": "SMALL_SETTING = 1\n"},
    )


def _install(folder, name, package, files):
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    information = folder / f"{name}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    # setuptools writes it, and metaflow looks for extensions in it.
    (information / "top_level.txt").write_text(f"{package}\n")
    written = [*files, *(f"{information.name}/{each.name}" for each in information.iterdir())]
    (information / "RECORD").write_text("".join(f"{path},,\n" for path in written))


class Discovery:
    """Find the installed extensions: at every import of metaflow, and so in every task."""

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
        sys.path.append(str(folder))

    def time_discover(self, other_distributions, extensions):
        self.found = self.discover()

    def teardown(self, other_distributions, extensions):
        packages = getattr(self, "found", None)
        if packages is not None and len(packages[0]) != extensions:
            raise RuntimeError(f"{len(packages[0])} extensions were found, not {extensions}")
