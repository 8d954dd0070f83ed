"""Code packages of large folders: what a run on a cluster, and each deployment, begins with.

metaflow packs the folder of the flow's script with all that lies below it.
"""

import sys
from pathlib import Path

import numpy

from benchmarks import includefile
from benchmarks.includefile import silent
from benchmarks.payloads import SEED, payload_bytes

covers = ("metaflow/package/*", "metaflow/packaging_sys/*")
profile = "thorough"


def add_files(folder):
    """Add 10,000 small modules: a repository of many projects."""
    write_modules(folder, [f"project_{n // 100}/module_{n}.py" for n in range(10_000)], 1000)


def add_venv(folder):
    """Add an environment whose folder is not hidden, so that metaflow packs its modules."""
    packages = folder / "venv" / "lib" / "python3" / "site-packages"
    write_modules(packages, [f"package_{n // 60}/module_{n}.py" for n in range(3000)], 10_000)
    (folder / "venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")


def add_csv(folder):
    """Add 20 tables of 10 MB, as `--package-suffixes .csv` packs them."""
    values = numpy.random.default_rng(SEED).uniform(0, 100, (125_000, 8))
    row = ",".join(["%09.6f"] * values.shape[1]) + "\n"
    table = row * len(values) % tuple(values.ravel())
    for number in range(20):
        (folder / f"table_{number}.csv").write_text(table)


def write_modules(folder, names, size):
    """Write modules of so many bytes, all different."""
    text = payload_bytes("text-10MB")
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        begin = 991 * number
        path.write_bytes(text[begin : begin + size])


FOLDERS = {"10000-files": add_files, "venv": add_venv, "csv-200MB": add_csv}


class Build(includefile.CodePackage):
    """Build the code package of a flow in a folder of many files."""

    params = ("10000-files", "venv")
    param_names = ("folder",)
    rounds, timeout = 4, 300

    def setup(self, name):
        super().setup()
        FOLDERS[name](Path(sys.argv[0]).parent)

    def time_build(self, name):
        package = includefile.MetaflowPackage(
            self.flow, self.environment, silent, suffixes=[".csv"]
        )
        self.package = package.blob

    def track_bytes(self, name):
        self.time_build(name)
        return len(self.package)

    def teardown(self, name):
        super().teardown()

    track_bytes.unit = "bytes"


class BuildWithData(Build):
    """Build the code package of a flow in a folder of large tables."""

    params = ("csv-200MB",)
    # A round takes most of half a minute.
    rounds = 2
    track_bytes = None
