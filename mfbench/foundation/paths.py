"""Where things are."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

ROOT = Path(__file__).resolve().parent.parent.parent
UPSTREAM = ROOT / "upstream"
RESULTS = ROOT / "results"
# What asv cannot read: pyperf files, import trees, samples of the sensitivity proof.
RECORDS = ROOT / "records"
HTML = ROOT / "html"
RELEASES = ROOT / "mfbench" / "repository" / "releases.json"
SENSITIVITY_MACHINE = "sensitivity"
# Results that git ignores: those of .ci/run, and those of commits that
# `mfbench prove sensitivity` makes.
IGNORED_MACHINES = ("ci", SENSITIVITY_MACHINE)


def cache_folder() -> Path:
    """Return the folder that keeps downloads between clones of this project."""
    chosen = os.environ.get("METAFLOW_BENCHMARKS_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("metaflow-benchmarks"))
