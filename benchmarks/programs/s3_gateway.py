"""Serve S3 on loopback from files, until standard input ends: with whoever started it.

It is MinIO's S3 front, as JuiceFS's gateway has it, with data and descriptions below the working
directory. Prints the port. Usage: s3_gateway.py JUICEFS
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

SECONDS_TO_START = 30
# Of prctl, as linux/prctl.h has it, and of a socket's state in /proc/net/tcp.
SET_SIGNAL_AT_PARENTS_DEATH = 1
LISTENING = "0A"


def free_port():
    """Return a port of loopback that nothing listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def end_with_this():
    """Let the system end a child when this process ends, in whatever way."""
    ctypes.CDLL(None).prctl(SET_SIGNAL_AT_PARENTS_DEATH, signal.SIGKILL)


def listens(process, port):
    """Tell whether a process, and not another that was quicker, listens on a port of loopback."""
    sockets = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, address, _, state, *_, inode = line.split()[:10]
        if state == LISTENING and int(address.rpartition(":")[2], 16) == port:
            sockets.add(f"socket:[{inode}]")
    held = [str(file.readlink()) for file in Path(f"/proc/{process.pid}/fd").iterdir()]
    return not sockets.isdisjoint(held)


def serve(juicefs):
    """Make a volume, and start a gateway to it; return the process and its port."""
    folder = Path.cwd()
    volume = f"sqlite3://{folder / 'descriptions.db'}"
    options = [juicefs, "--no-agent", "--quiet"]
    storage = ["--storage", "file", "--bucket", f"{folder / 'data'}/"]
    subprocess.run([*options, "format", *storage, volume, "volume"], check=True)
    port = free_port()
    # Nothing is reported to anybody, and nothing is done beside what is asked for.
    alone = ["--no-usage-report", "--no-banner", "--no-bgjob", "--backup-meta", "0"]
    # As S3 does, it keeps what clients say of an object: metaflow says how it has packed it.
    alone += ["--multi-buckets", "--object-meta"]
    places = ["--cache-dir", str(folder / "cache"), "--cache-size", "0"]
    places += ["--log", str(folder / "gateway.log"), "--metrics", "127.0.0.1:0"]
    gateway = subprocess.Popen(
        [*options, "gateway", *alone, *places, volume, f"127.0.0.1:{port}"],
        env={
            "HOME": str(folder),
            "PATH": os.defpath,
            "MINIO_ROOT_USER": os.environ["AWS_ACCESS_KEY_ID"],
            "MINIO_ROOT_PASSWORD": os.environ["AWS_SECRET_ACCESS_KEY"],
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        preexec_fn=end_with_this,
    )
    return gateway, port


def wait_for(gateway, port):
    """Wait until a gateway listens, or end with what became of it."""
    deadline = time.monotonic() + SECONDS_TO_START
    while gateway.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            if listens(gateway, port):
                return
        time.sleep(0.01)
    sys.exit(f"the gateway does not answer (its status: {gateway.poll()})")


if __name__ == "__main__":
    gateway, port = serve(sys.argv[1])
    try:
        wait_for(gateway, port)
        # One that ends by itself is this program's end, too, which who started it looks for.
        signal.signal(signal.SIGCHLD, lambda *_: gateway.poll() is None or os._exit(1))
        if gateway.poll() is not None:
            sys.exit(f"the gateway ended with status {gateway.returncode}")
        print(port, flush=True)
        sys.stdin.read()
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        gateway.kill()
        gateway.wait()
