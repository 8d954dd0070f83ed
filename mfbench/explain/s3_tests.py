"""What metaflow's own S3 tests need: a server on this machine, a bucket, and small files."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.support.processes import PROGRAMS
from benchmarks.support.s3_servers import SETTINGS
from mfbench.foundation.errors import Failure

FOLDER = Path("test") / "data" / "s3"
# Metaflow's own workflow leaves out the first three. Where 10, 50 or 90 percent of calls are to
# fail, s3_in_threads leaves all to s3op. test_list_paths starts s3op for each folder: minutes.
LEFT_OUT = ("benchmark", "5gb_file", "3000_files", "10]", "50]", "90]", "test_list_paths[")
BUCKET = "tests"
CREATE_BUCKET = f"import boto3; boto3.client('s3').create_bucket(Bucket={BUCKET!r})"


@contextmanager
def s3_server(python: Path) -> Iterator[dict[str, str]]:
    """Serve an empty bucket; give the variables that point metaflow's S3 tests to it.

    `python` is one that has boto3. Raises Failure if there is no server, or no bucket.
    """
    with subprocess.Popen(
        [sys.executable, str(PROGRAMS / "s3_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # It ends when its standard input is closed. Of Ctrl-C, it would print a traceback.
        start_new_session=True,
    ) as server:
        assert server.stdout is not None
        said = server.stdout.readline().strip()
        if said.startswith("missing "):
            raise Failure(f"{said.split()[1]} is not installed; make setup installs it")
        if not said.isdecimal():
            raise Failure("the server for S3 ended as it started; what it said is above")
        settings = SETTINGS | {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{said}",
            "METAFLOW_S3_TEST_ROOT": f"s3://{BUCKET}/root",
            "METAFLOW_DATATOOLS_S3ROOT": f"s3://{BUCKET}/tools",
            # Usually 64 processes for each call. It also limits the threads of s3_in_threads.
            "METAFLOW_S3_WORKER_COUNT": "4",
        }
        made = subprocess.run(
            [python, "-c", CREATE_BUCKET], env=settings, capture_output=True, text=True
        )
        if made.returncode:
            last = made.stderr.strip().splitlines()[-1:] or ["nothing said"]
            raise Failure(f"the server for S3 makes no bucket: {last[0]}")
        yield settings


def shrink_largest_file(tree: Path) -> None:
    """Make a file of 5 GB one of 5 MB: its content is made even if no test that runs uses it."""
    data = tree / FOLDER / "s3_data.py"
    text, found = re.subn(r"5 \* 1024 ?\*\* ?3", "5 * 1024**2", data.read_text())
    if not found:
        raise Failure(
            f"{FOLDER / data.name} has no file of 5 GB; correct mfbench/explain/s3_tests.py"
        )
    data.write_text(text)
