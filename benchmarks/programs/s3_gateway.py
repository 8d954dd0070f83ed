"""Serve S3 on loopback from files, until standard input ends.

The server is MinIO's S3 front in JuiceFS's gateway; data and metadata lie below the working
directory. Prints the port, or `missing juicefs`.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

JUICEFS = Path(sys.executable).with_name("juicefs")
SET_SIGNAL_AT_PARENTS_DEATH = 1  # of prctl, as linux/prctl.h has it


def serve(port):
    """Make a volume, and start a gateway to it."""
    folder = Path.cwd()
    volume = f"sqlite3://{folder / 'metadata.db'}"
    options = [JUICEFS, "--no-agent", "--quiet"]
    storage = ["--storage", "file", "--bucket", f"{folder / 'data'}/"]
    subprocess.run([*options, "format", *storage, volume, "volume"], check=True)
    # It reports nothing to anybody, and does nothing but what it is asked for.
    alone = ["--no-usage-report", "--no-banner", "--no-bgjob", "--backup-meta", "0"]
    # As S3 does, it keeps an object's metadata: metaflow writes there how it packed the object.
    alone += ["--multi-buckets", "--object-meta"]
    places = ["--cache-dir", str(folder / "cache"), "--cache-size", "0"]
    places += ["--log", str(folder / "gateway.log"), "--metrics", "127.0.0.1:0"]
    return subprocess.Popen(
        [*options, "gateway", *alone, *places, volume, f"127.0.0.1:{port}"],
        env={
            "HOME": str(folder),
            "PATH": os.defpath,
            "MINIO_ROOT_USER": os.environ["AWS_ACCESS_KEY_ID"],
            "MINIO_ROOT_PASSWORD": os.environ["AWS_SECRET_ACCESS_KEY"],
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        # The system ends the gateway when this process ends, in whatever way.
        preexec_fn=lambda: ctypes.CDLL(None).prctl(SET_SIGNAL_AT_PARENTS_DEATH, signal.SIGKILL),
    )


if __name__ == "__main__":
    if not JUICEFS.exists():
        print("missing juicefs", flush=True)
        sys.exit()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    gateway = serve(port)
    while gateway.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            break
        time.sleep(0.01)
    else:
        sys.exit(f"the gateway ended with status {gateway.returncode}")
    print(port, flush=True)
    sys.stdin.read()
    gateway.kill()
    gateway.wait()
