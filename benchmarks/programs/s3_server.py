"""Serve S3 on loopback, from memory, until standard input ends: with whoever started it.

Prints the port. Run by an interpreter that has moto's server; none of the measured ones has.
"""

import logging
import sys

if __name__ == "__main__":
    try:
        from moto.server import ThreadedMotoServer
    except ModuleNotFoundError as missing:
        # No failure: whoever has not installed it measures the rest.
        print(f"missing {missing.name}", flush=True)
        sys.exit()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()
    server.stop()
