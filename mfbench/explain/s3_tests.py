"""What metaflow's own S3 tests need: a server on this machine, a bucket, and small files."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.support.processes import PROGRAMS
from benchmarks.support.s3_servers import SETTINGS
from mfbench.foundation.errors import Failure

FOLDER = Path("test") / "data" / "s3"
# Metaflow's own workflow leaves out the first three. Where a test injects failures (10, 50 or 90
# percent), all calls go the old way, through s3op. A path of 300 folders takes a process for each.
LEFT_OUT = ("benchmark", "5gb_file", "3000_files", "10]", "50]", "90]", "list_paths")
BUCKET = "s3://tests"
CREATE = "import boto3; boto3.client('s3').create_bucket(Bucket='tests')"


@contextmanager
def served(python: Path) -> Iterator[dict[str, str]]:
    """Serve an empty bucket; give the variables by which metaflow's tests know it."""
    command = [sys.executable, str(PROGRAMS / "s3_server.py")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        said = server.stdout.readline().strip()
        if not said.isdecimal():
            raise Failure(f"no server for S3 ({said or 'it ended'}); make setup installs it")
        settings = SETTINGS | {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{said}",
            "METAFLOW_S3_TEST_ROOT": f"{BUCKET}/root",
            "METAFLOW_DATATOOLS_S3ROOT": f"{BUCKET}/tools",
            # 64 processes for each call are too many here.
            "METAFLOW_S3_WORKER_COUNT": "4",
        }
        subprocess.run([python, "-c", CREATE], env=settings, check=True)
        yield settings


def make_small(tree: Path) -> None:
    """Let the largest file of the tests, which are left out, have 5 MB instead of 5 GB."""
    data = tree / FOLDER / "s3_data.py"
    if data.exists():
        data.write_text(data.read_text().replace("5 * 1024**3", "5 * 1024**2"))
