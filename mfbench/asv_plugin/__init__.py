"""What asv loads: the repository, its environments, how a commit is installed, and its commands.

`copy_install` runs in the measured environment, so this file needs the standard library only.
"""

import sys
from pathlib import Path

# When the run began to which what asv measures belongs: seconds since 1970, as text.
RUN = "METAFLOW_BENCHMARKS_RUN"

# asv removes this folder from the path once a plugin is loaded; some imports come later.
ROOT = str(Path(__file__).resolve().parent.parent.parent)
if ROOT not in sys.path:
    sys.path.insert(1, ROOT)
