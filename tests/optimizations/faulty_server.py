"""A server that speaks S3, and a proxy before it that spoils some of its answers."""

import subprocess
import sys
import threading
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.config import Config

from mfbench.foundation.paths import ROOT

SERVER = ROOT / "benchmarks" / "programs" / "s3_server.py"
ERROR = "<Error><Code>{code}</Code><Message>as the test wants it</Message></Error>"


def settings(port):
    """Return the variables with which boto3 knows a server on loopback and nothing else."""
    return {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "a",
        "AWS_DEFAULT_REGION": "us-east-1",
        "no_proxy": "127.0.0.1",
    }


def client(port):
    """Return a client for a server on loopback."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "a", "region_name": "us-east-1"}
    address, config = f"http://127.0.0.1:{port}", Config(proxies={})
    return boto3.client("s3", endpoint_url=address, config=config, **keys)


@contextmanager
def s3_server():
    """Serve a bucket named `bucket`; give the port."""
    with subprocess.Popen(
        [sys.executable, SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        port = server.stdout.readline().strip()
        client(port).create_bucket(Bucket="bucket")
        yield port
        server.stdin.close()


class Faults(dict):
    """By the last part of a path: how many of its answers are spoiled yet, and how.

    How is a status and S3's code for it, "cut" (half of the body), or "close" (no answer at all).
    """

    def of(self, method, path):
        """Return how to spoil an answer, or None."""
        name = path.partition("?")[0].rpartition("/")[2]
        if method not in ("GET", "HEAD", "PUT") or self.get(name, (0,))[0] <= 0:
            return None
        times, fault = self[name]
        self[name] = times - 1, fault
        return fault


@contextmanager
def faulty_proxy(port):
    """Serve before the server at a port of loopback; give the faults and the proxy's port."""
    faults = Faults()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            fault = faults.of(self.command, self.path)
            if fault == "close":
                self.close_connection = True
            elif fault not in (None, "cut"):
                status, code = fault
                self.send(status, {}, ERROR.format(code=code).encode())
            else:
                status, headers, content = self.forward(body)
                self.send(status, headers, content, is_cut=fault == "cut")

        do_GET = do_HEAD = do_PUT = do_POST = answer  # noqa: N815

        def forward(self, body):
            server = HTTPConnection("127.0.0.1", int(port))
            headers = {name: value for name, value in self.headers.items() if name != "Expect"}
            server.request(self.command, self.path, body, headers)
            answer = server.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

        def send(self, status, headers, content, is_cut=False):
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                if name.lower() not in ("connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content[: len(content) // 2] if is_cut else content)
            self.close_connection = is_cut

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield faults, server.server_port
    server.shutdown()
    server.server_close()
