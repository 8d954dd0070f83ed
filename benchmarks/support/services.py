"""metaflow's metadata service on loopback, behind a proxy that counts and delays requests."""

import http.client
import json
from typing import NamedTuple

from benchmarks.support.servers import start

# How many there are depends on how long something takes, so they are counted by route alone.
HEARTBEATS = "/heartbeat"


class Service(NamedTuple):
    """A service, and the proxy in front of it."""

    servers: tuple
    direct: str  # the service's own address
    counted: str  # the proxy's

    def stop(self):
        for server in self.servers:
            server.communicate()  # closes its standard input, which ends it


def start_service(delay_ms=0, *database):
    """Start a service, on a database or on an empty one of its own, and a proxy in front of it."""
    service, direct = start("metadata_service.py", *map(str, database))
    proxy, counted = start("counting_proxy.py", direct, str(delay_ms), HEARTBEATS)
    return Service((proxy, service), direct, counted)


def service_settings(address):
    """Return the variables that let metaflow use the service at an address."""
    return {
        "METAFLOW_DEFAULT_METADATA": "service",
        "METAFLOW_SERVICE_URL": address,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def counts(address):
    """Return what the proxy at an address has counted; counting_proxy.py says what."""
    return _ask(address, "GET", "/__counts")


def reset(address):
    """Let the proxy at an address count anew."""
    _ask(address, "POST", "/__reset")


def _ask(address, method, path):
    connection = http.client.HTTPConnection(address.partition("//")[2])
    connection.request(method, path)
    return json.load(connection.getresponse())
