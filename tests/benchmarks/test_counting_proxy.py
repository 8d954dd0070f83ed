"""The proxy in front of the benchmarks' servers: it counts and delays, and changes nothing."""

import http.client
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.support.servers import start
from benchmarks.support.services import counts

AT_ONCE = 8
together = threading.Barrier(AT_ONCE)


class Echo(BaseHTTPRequestHandler):
    """Answers with the request line, the host, and the body, of a length it does not tell."""

    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in self.requestline.encode(), self.headers["Host"].encode(), body:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        together.wait(60)  # raises if not all of them come
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "12345")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def proxied(tmp_path, monkeypatch):
    """Start a proxy before an `Echo`; return both, and the proxy's address."""
    monkeypatch.chdir(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    threading.Thread(target=server.serve_forever).start()
    proxies = []

    def make(delay_ms):
        target = f"http://127.0.0.1:{server.server_port}"
        proxy, address = start("counting_proxy.py", target, str(delay_ms))
        proxies.append(proxy)
        return server, address

    yield make
    server.shutdown()
    server.server_close()
    for proxy in proxies:
        proxy.communicate()


def connect(address):
    return http.client.HTTPConnection(address.partition("//")[2], timeout=90)


def get(address):
    """Return the status of an answer, and how long it took in seconds."""
    began, connection = time.monotonic(), connect(address)
    connection.request("GET", "/key")
    return connection.getresponse().status, time.monotonic() - began


def test_requests_wait_for_their_delay_side_by_side(proxied):
    _, address = proxied(300)
    # The server answers none of them before it has all: one after the other, they would fail.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(get, [address] * AT_ONCE))
    assert all(status == 200 and seconds >= 0.3 for status, seconds in answers)
    assert counts(address)["requests"] == AT_ONCE


def test_the_proxy_changes_nothing_that_an_s3_server_looks_at(proxied):
    server, address = proxied(0)
    connection = connect(address)
    body = os.urandom(3_000_000)
    headers = {"Host": "bucket.example", "Expect": "100-continue"}
    connection.request("PUT", "//a%2Fb%20c/?list-type=2&x=%2F", body, headers)
    answer = connection.getresponse().read()
    line = b"PUT //a%2Fb%20c/?list-type=2&x=%2F HTTP/1.1"
    assert answer == line + b"bucket.example" + body
    connection.request("HEAD", "/key")
    answer = connection.getresponse()
    assert (answer.headers["Content-Length"], answer.read()) == ("12345", b"")
    found = counts(address)
    assert found["bytes"] == 2 * len(body) + len(line) + len("bucket.example")
    assert found["by_route"] == {"PUT //a%2Fb%20c/": 1, "HEAD /key": 1}
    server.shutdown()
    server.server_close()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        get(address)
