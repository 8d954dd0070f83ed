"""Any content, looked for by hypothesis: read back, and little larger than gzip makes it."""

import gzip
import os
import random
import struct
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.optimizations.mixtures import KINDS, keys
from tests.optimizations.optimized_releases import NEWEST
from tests.optimizations.test_accelerated_deflate import LIBRARIES
from tests.optimizations.test_artifact_compression import allowed_size, words

# One process for all of them: it starts once, and answers each blob by a line.
PACK = """
import gzip, struct, sys
for name in {absent}:
    sys.modules[name] = None
from metaflow.datastore import blob_compression
while head := sys.stdin.buffer.read(8):
    blob = sys.stdin.buffer.read(struct.unpack("<Q", head)[0])
    packed = blob_compression.pack(blob)
    stored = blob if packed is None else bytes(packed)
    equal = packed is None or gzip.decompress(stored) == blob == blob_compression.unpack(stored)
    print(len(stored), equal, flush=True)
"""


def text(chosen):
    """Return what makes words, as mixtures have other kinds."""
    return lambda size: words(size, chosen.randrange(100))


def of_kind(kind, seed, size):
    return kind(random.Random(seed))(size)[:size]


PARTS = st.builds(
    of_kind,
    st.sampled_from([*KINDS, keys, text, lambda _: bytes]),
    st.integers(0, 1000),
    st.integers(1, 300_000),
)


@pytest.fixture(params=LIBRARIES)
def pack(request, series, release_python, tmp_path):
    """Tell the stored size of a blob, and whether it is read back, with one of the libraries."""
    script = PACK.format(absent=LIBRARIES[request.param][1])
    with subprocess.Popen(
        [release_python(NEWEST), "-c", script],
        env={"PYTHONPATH": str(series.root(NEWEST, "after")), "HOME": "/nonexistent"},
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:

        def told(blob):
            process.stdin.write(struct.pack("<Q", len(blob)) + blob)
            process.stdin.flush()
            size, equal = process.stdout.readline().split()
            return int(size), equal == b"True"

        yield told
        process.stdin.close()


# Set to some thousands to look for more.
@settings(
    max_examples=int(os.environ.get("EXAMPLES", "60")),
    derandomize="EXAMPLES" not in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(parts=st.lists(PARTS, min_size=1, max_size=4), times=st.integers(1, 4))
def test_it_is_read_back_and_stays_small(pack, parts, times):
    blob = b"".join(parts) * times
    size, equal = pack(blob)
    assert equal
    assert size <= allowed_size(blob), (len(blob), size / len(gzip.compress(blob, 3)))
