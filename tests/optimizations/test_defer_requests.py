"""Requests deferred: loaded at the first request, which is made as before."""

import pytest

from optimizations.edits import DoesNotApply, SourceTree
from tests.optimizations.optimized_releases import NEWEST, VERSIONS, applied, both, tree_of

WITH_SESSION = ["2.15.0", NEWEST]


def test_defer_requests_refuses_a_use_while_loading(series):
    path = "metaflow/metadata_provider/heartbeat.py"
    text = (series.root(NEWEST, "before") / path).read_text() + "\nX = requests.Session()\n"
    with pytest.raises(DoesNotApply, match=f"^{path}: requests: used while the module loads"):
        applied("defer_requests", tree_of(series, NEWEST, **{path: text}))
    with pytest.raises(DoesNotApply, match="requests at the top level: not found"):
        applied("defer_requests", SourceTree([], {}.__getitem__))


LOADED = "import sys, metaflow; print('requests' in sys.modules)"


@pytest.mark.parametrize("version", VERSIONS)
def test_import_metaflow_loads_no_requests(python, version):
    assert python(version, "before", LOADED) == "True\n"
    assert python(version, "after", LOADED) == "False\n"


# A service on the loopback interface, asked through metaflow; prints what metaflow made of it.
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
    lines = both(python, version, SERVICE).splitlines()
    assert lines[1] == "7"
    assert lines[2].startswith("HeartBeatException")
    assert lines[3] == "'URL'"
    assert lines[5] == "'2.3.4'"


@pytest.mark.parametrize("version", WITH_SESSION)
def test_the_session_is_one_class_attribute_made_at_first_use(python, version):
    script = """
        import sys, threading
        from metaflow.plugins.metadata_providers.service import ServiceMetadataProvider as provider
        assert "requests" not in sys.modules
        class Special(provider):
            pass
        assert "requests" not in sys.modules
        seen = []
        threads = [threading.Thread(target=lambda: seen.append(Special._session)) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        import requests
        assert len({id(session) for session in seen}) == 1 and len(seen) == 8
        assert type(provider._session) is requests.Session
        assert vars(provider)["_session"] is seen[0] and "_session" not in vars(Special)
        for scheme in ("http://", "https://"):
            print(sorted(seen[0].get_adapter(scheme + "x").__getstate__().items(), key=str)[0])
            print(seen[0].get_adapter(scheme + "x")._pool_maxsize)
        """
    assert python(version, "after", script).splitlines()[1::2] == ["20", "20"]


def test_a_replaced_session_is_respected(python):
    script = """
        from unittest import mock
        from metaflow.plugins.metadata_providers.service import ServiceMetadataProvider as provider
        with mock.patch.object(provider, "_session") as fake:
            assert provider._session is fake
        session = provider._session
        assert session is not fake and provider._session is session
        provider._session = "mine"
        print(provider._session)
        """
    assert python(NEWEST, "after", script) == "mine\n"
