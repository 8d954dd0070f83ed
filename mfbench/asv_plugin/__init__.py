"""What asv loads: the repository, its environments, how a commit is installed, and its commands.

`copy_install` runs in the measured environment, so this file needs the standard library only.
"""

import sys
from pathlib import Path

# When the current run began (seconds since 1970, as text).
RUN = "METAFLOW_BENCHMARKS_RUN"
# In the folder of the environments: held by what measures or installs a commit.
LOCK = "measuring"
# The Python with which asv measures unless it is told another.
THIS_PYTHON = f"{sys.version_info[0]}.{sys.version_info[1]}"
LOCKED = "another run measures in this checkout; wait for it to end, or use another clone"

# asv removes this folder from the path once a plugin is loaded; some imports come later.
ROOT = str(Path(__file__).resolve().parent.parent.parent)
if ROOT not in sys.path:
    sys.path.insert(1, ROOT)
