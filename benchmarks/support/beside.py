"""Packages that people have beside metaflow, in a folder that only some measured processes see.

In the pinned environment, they would change every other result.
"""

from asv_runner.benchmarks.mark import SkipNotImplemented

from benchmarks.support.processes import PROGRAMS

# scripts/set_up.sh fills it.
FOLDER = PROGRAMS.parent.parent / ".venv" / "beside"


def has(package):
    """Tell whether a package is there."""
    return (FOLDER / package).is_dir()


def path_with(package):
    """Return the PYTHONPATH of a process that needs a package; skip where it is missing."""
    if not has(package):
        raise SkipNotImplemented(f"{package} is not in .venv/beside; make setup installs it")
    return str(FOLDER)
