"""What surrounds a measured process: environment variables, folders, and whether time is short."""

import os
import tempfile
from pathlib import Path

import asv_runner
from asv_runner.benchmarks.mark import SkipNotImplemented

# Set by the suite's asv plugin for `asv run --quick`.
QUICK = "METAFLOW_BENCHMARKS_QUICK"
# Set by `mfbench run --large`.
LARGE = "METAFLOW_BENCHMARKS_LARGE"
# The commit of the installed metaflow; written by mfbench/asv_plugin/copy_install.py.
SITE_PACKAGES = Path(asv_runner.__file__).parent.parent
INSTALLED = SITE_PACKAGES / "metaflow" / "__pycache__" / "metaflow-commit"
SETTINGS = {
    "METAFLOW_USER": "benchmark",
    # A folder that does not exist, where no configuration file of a person is found.
    "METAFLOW_HOME": "/nonexistent",
    "METAFLOW_DEFAULT_METADATA": "local",
    "METAFLOW_DEFAULT_DATASTORE": "local",
    "METAFLOW_DEFAULT_ENVIRONMENT": "local",
    "METAFLOW_DEFAULT_EVENT_LOGGER": "nullSidecarLogger",
    "METAFLOW_DEFAULT_MONITOR": "nullSidecarMonitor",
}


def take_control():
    """Replace metaflow's settings in this process by fixed ones, and let Python write .pyc."""
    for name in list(os.environ):
        if name.startswith("METAFLOW_") and not name.startswith("METAFLOW_BENCHMARKS_"):
            del os.environ[name]
    os.environ.update(SETTINGS)
    # Uncompiled code costs three to six times the instructions.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def require_commit():
    """Raise if another commit is installed than asv measures here; `--python=same` names none."""
    wanted = os.environ.get("ASV_COMMIT")
    found = INSTALLED.read_text() if INSTALLED.exists() else ""
    if wanted not in (None, found):
        raise RuntimeError(
            f"another process installed {found[:8] or 'an unknown package'} over {wanted[:8]} "
            "while it was measured; wait until it ends, and measure again"
        )


def child_environment(folder, **more):
    """Return the whole environment of a process that works in `folder` and nowhere else."""
    return {
        "PATH": os.defpath,
        "LANG": "C.UTF-8",
        "HOME": str(folder),
        "METAFLOW_DATASTORE_SYSROOT_LOCAL": str(folder),
        **SETTINGS,
        **more,
    }


def fresh_folder():
    """Return a new empty folder; asv deletes the one around it, so nobody has to clean up."""
    return Path(tempfile.mkdtemp(dir=Path.cwd()))


def settle_disk():
    """Let what was written before reach the disk, or it would slow down what a benchmark writes."""
    os.sync()


def short_of_time():
    """Tell whether this is `asv run --quick`."""
    return bool(os.environ.get(QUICK))


def is_left_out(profile):
    """Tell whether this run leaves out all benchmarks of a profile."""
    if profile == "large":
        return not os.environ.get(LARGE)
    return profile == "thorough" and short_of_time()


def skip_when_quick(reason):
    """Skip what takes too long for `asv run --quick`."""
    if short_of_time():
        raise SkipNotImplemented(f"left out of a quick run: {reason}")
