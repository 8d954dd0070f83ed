"""isal is used where it is installed, and imported only for what is large."""

import subprocess

from tests.optimizations.optimized_releases import NEWEST

SCRIPT = """
import sys
from metaflow.datastore import content_addressed_store as module
print("isal" in sys.modules)
small, large = (b"".join(b"%d " % i for i in range(n)) for n in (20_000, 300_000))
module._pack_segments(small)
print("isal" in sys.modules)
packed = module._pack_segments(large)
print("isal" in sys.modules, len(packed.getvalue()))
"""


def test_isal_is_imported_for_what_is_large(series, release_python):
    finished = subprocess.run(
        [release_python(NEWEST), "-c", SCRIPT],
        env={"PYTHONPATH": str(series.root(NEWEST, "after")), "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        check=True,
    )
    *_, size = said = finished.stdout.split()
    assert said == ["False", "False", "True", size]
    assert int(size) < 1_000_000
