"""Forward requests to a server after a delay, and count them, until standard input ends.

Arguments: the server's address, the delay in milliseconds, and ends of paths: requests whose paths
end so are counted in `by_route` only. Prints the port. `GET /__counts` returns the counts and
`POST /__reset` zeroes them; neither is counted. A connection counts once it has carried a request
that counts; bytes are those of bodies. Where the server is gone, the client's connection ends.
"""

import http.client
import json
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_, ADDRESS, DELAY_MS, *ROUTE_ONLY = sys.argv
BLOCK = 2**20
# What concerns one connection only, and so is not forwarded.
OF_CONNECTION = {"connection", "expect", "keep-alive", "transfer-encoding"}

lock = threading.Lock()
totals, by_route, connections = Counter(), Counter(), set()


class Proxy(BaseHTTPRequestHandler):
    """A client's connection, and the one to the server that belongs to it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # headers leave together with the body

    def setup(self):
        super().setup()
        self.server_side = http.client.HTTPConnection(ADDRESS.partition("//")[2])

    def finish(self):
        self.server_side.close()
        super().finish()

    def handle_expect_100(self):
        super().handle_expect_100()
        self.wfile.flush()  # the client waits for it
        return True

    def tell_counts(self):
        with lock:
            if self.path == "/__reset":
                for each in totals, by_route, connections:
                    each.clear()
            counts = {name: totals[name] for name in ("requests", "not_found", "bytes")}
            counts |= {"connections": len(connections), "by_route": by_route}
            body = json.dumps(counts).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def respond(self):
        if self.path.startswith("/__"):
            self.tell_counts()
            return
        time.sleep(int(DELAY_MS) / 1000)
        target = self.requestline.split()[1]  # self.path would lose a leading slash of two
        sent = int(self.headers.get("Content-Length", 0))
        try:
            self.ask(target, sent)
            answer = self.server_side.getresponse()
            # Where the server does not say how long it is, it is read first.
            whole = answer.read() if answer.length is None else b""
        except (OSError, http.client.HTTPException):
            self.close_connection = True
            return
        path = target.partition("?")[0]
        received = answer.length or len(whole)
        with lock:  # before the client has its answer, and may ask for the counts
            by_route[f"{self.command} {path}"] += 1
            if not path.endswith(tuple(ROUTE_ONLY)):
                connections.add(self)
                totals.update(requests=1, not_found=answer.status == 404, bytes=sent + received)
        self.pass_on(answer, whole)

    do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = respond  # noqa: N815

    def ask(self, target, length):
        if self.server_side.sock is None:
            self.server_side.connect()
        self.server_side.putrequest(self.command, target, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in OF_CONNECTION:
                self.server_side.putheader(name, value)
        self.server_side.endheaders()
        while length:
            block = self.rfile.read(min(length, BLOCK))
            if not block:
                raise http.client.IncompleteRead(b"", length)
            self.server_side.send(block)
            length -= len(block)

    def pass_on(self, answer, whole):
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in OF_CONNECTION:
                self.send_header(name, value)
        if answer.length is None:
            self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole)
        while block := answer.read(BLOCK):
            self.wfile.write(block)

    def log_message(self, *_):
        """Say nothing."""


if __name__ == "__main__":
    ThreadingHTTPServer.request_queue_size = 128
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()
