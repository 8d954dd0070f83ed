"""Requests deferred: loaded at the first request, which is made as before."""

import pytest

from tests.optimizations.optimized_releases import NEWEST, VERSIONS, both

LOADED = "import sys, metaflow; print('requests' in sys.modules)"


@pytest.mark.parametrize("version", VERSIONS)
def test_import_metaflow_loads_no_requests(python, version):
    assert python(version, "before", LOADED) == "True\n"
    assert python(version, "after", LOADED) == "False\n"


# A service on the loopback interface.
SERVICE = """
    import http.server, json, threading
    try:
        from metaflow.metadata_provider import heartbeat
        from metaflow.plugins.metadata_providers import service
    except ImportError:
        from metaflow.metadata import heartbeat
        from metaflow.plugins.metadata import service

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps('{"wait_time_in_seconds": 7}').encode()
            self.send_response(500 if "broken" in self.path else 200)
            self.send_header("METADATA_SERVICE_VERSION", "2.3.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        do_POST = do_GET
        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = "http://127.0.0.1:%d" % server.server_port
"""
# Asks it through metaflow; prints what metaflow made of it.
REQUESTS = """
    def outcome(call, *arguments):
        try:
            return repr(call(*arguments)).replace(url, "URL")
        except Exception as error:
            return type(error).__name__ + ": " + str(error).replace(url, "URL")[:40]

    beating = heartbeat.MetadataHeartBeat()
    print(outcome(beating._heartbeat))
    for address in (url + "/beat", url + "/broken"):
        beating.hb_url = address
        print(outcome(beating._heartbeat))
    provider = service.ServiceMetadataProvider
    print(outcome(provider.compute_info, url + "/"))
    print(outcome(provider.compute_info, url + "/broken"))
    provider.INFO = url
    print(outcome(provider._version, None))
    print(outcome(provider._request, None, "/broken", "GET"))
    server.shutdown()
    server.server_close()
    # Nobody listens any more.
    beating.hb_url = "http://127.0.0.1:1/"
    print(outcome(beating._heartbeat).partition(":")[0])
    print(outcome(provider.compute_info, url))
"""


@pytest.mark.parametrize("version", VERSIONS)
def test_requests_are_made_as_before(python, version):
    lines = both(python, version, SERVICE + REQUESTS).splitlines()
    assert lines[1] == "7"
    assert lines[2].startswith("HeartBeatException")
    assert lines[3] == "'URL'"
    assert lines[5] == "'2.3.4'"


THREADS = """
    def ask():
        barrier.wait()
        answers.append(service.ServiceMetadataProvider.compute_info(url))

    answers, barrier = [], threading.Barrier(8)
    threads = [threading.Thread(target=ask) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    print(answers == [url] * 8)
"""


def test_threads_make_the_first_request_at_the_same_moment(python):
    assert python(NEWEST, "after", SERVICE + THREADS) == "True\n"
