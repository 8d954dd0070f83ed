"""Where things are."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parent.parent
UPSTREAM = ROOT / "upstream"
RESULTS = ROOT / "results"
HTML = ROOT / "html"
# Where .ci/run puts what it measures; git ignores it.
CI_MACHINE = "ci"
# Where scripts.sensitivity puts what it measures of commits that nobody has; the same.
SENSITIVITY_MACHINE = "sensitivity"
IGNORED_MACHINES = (CI_MACHINE, SENSITIVITY_MACHINE)
RELEASES = ROOT / "scripts" / "releases.json"


def cache_folder() -> Path:
    """Return the folder that keeps downloads between clones of this project.

    Returns
    -------
    pathlib.Path
        ``METAFLOW_BENCHMARKS_CACHE`` if set, else the user's cache folder.
    """
    chosen = os.environ.get("METAFLOW_BENCHMARKS_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("metaflow-benchmarks"))
