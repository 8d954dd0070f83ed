"""Serve S3 on loopback from memory, until standard input ends.

Prints the port, or `missing PACKAGE`: whoever has not installed moto's server measures the rest.
"""

import logging
import sys

if __name__ == "__main__":
    try:
        from moto.server import ThreadedMotoServer
    except ModuleNotFoundError as missing:
        print(f"missing {missing.name}", flush=True)
        sys.exit()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()
    server.stop()
