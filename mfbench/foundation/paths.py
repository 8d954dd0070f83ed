"""Where things are."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
UPSTREAM = ROOT / "upstream"
RESULTS = ROOT / "results"
# What asv cannot read: pyperf files, import trees, samples of the sensitivity proof.
RECORDS = ROOT / "records"
HTML = ROOT / "html"
RELEASES = ROOT / "mfbench" / "repository" / "releases.json"
SENSITIVITY_MACHINE = "sensitivity"
# Of work that nobody has committed: `mfbench run --dirty` and `--tree`.
UNCOMMITTED_MACHINE = "uncommitted"
# Of `mfbench watch` and `renew`, which must not replace the times of a published comparison.
WATCH_MACHINE, RENEWAL_MACHINE = "watch", "renewal"
# Results that git ignores and no page shows: those of .ci/run, of commits that `mfbench prove
# sensitivity` makes, of a run of uncommitted work, of `mfbench watch` and of `mfbench renew`.
IGNORED_MACHINES = ("ci", SENSITIVITY_MACHINE, UNCOMMITTED_MACHINE, WATCH_MACHINE, RENEWAL_MACHINE)

# Names of machines and benchmarks become names of folders and files.
SAFE_NAME = r"\w[\w.-]*"


def cache_folder() -> Path:
    """Return the folder that keeps downloads between clones of this project."""
    # Not above: discovery, which runs where benchmarks do, has no such package there.
    import platformdirs

    chosen = os.environ.get("METAFLOW_BENCHMARKS_CACHE")
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("metaflow-benchmarks"))
