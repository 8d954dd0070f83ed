"""What surrounds a measured process: environment variables, folders, and whether time is short."""

import os
import tempfile
from pathlib import Path

from asv_runner.benchmarks.mark import SkipNotImplemented

USER = "benchmark"
QUICK = "METAFLOW_BENCHMARKS_QUICK"

# A folder that does not exist: no configuration file of a person is found there.
_NO_CONFIGURATION = "/nonexistent"
_SETTINGS = {
    "METAFLOW_USER": USER,
    "METAFLOW_HOME": _NO_CONFIGURATION,
    "METAFLOW_DEFAULT_METADATA": "local",
    "METAFLOW_DEFAULT_DATASTORE": "local",
    "METAFLOW_DEFAULT_ENVIRONMENT": "local",
    "METAFLOW_DEFAULT_EVENT_LOGGER": "nullSidecarLogger",
    "METAFLOW_DEFAULT_MONITOR": "nullSidecarMonitor",
}


def take_control():
    """Replace metaflow's settings in this process by fixed ones, and let Python write .pyc."""
    for name in list(os.environ):
        if name.startswith("METAFLOW_") and name != QUICK:
            del os.environ[name]
    os.environ.update(_SETTINGS)
    # Uncompiled code costs three to six times the instructions.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def child_environment(folder, **more):
    """Return the whole environment of a process that works in `folder` and nowhere else."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder),
        **_SETTINGS,
        **more,
    }


def fresh_folder():
    """Return a new empty folder; asv deletes the one around it, so nobody has to clean up."""
    return Path(tempfile.mkdtemp(dir=Path.cwd()))


def settle_disk():
    """Wait until what was written before, as an installation is, has reached the disk.

    It would slow down whatever a benchmark writes, for as long as it is still on its way.
    """
    os.sync()


def short_of_time():
    """Tell whether this is a quick run; the suite's asv plugin says so for `asv run --quick`."""
    return bool(os.environ.get(QUICK))


def skip_when_quick(reason):
    """Skip what no quick run can hold."""
    if short_of_time():
        raise SkipNotImplemented(f"left out of a quick run: {reason}")
