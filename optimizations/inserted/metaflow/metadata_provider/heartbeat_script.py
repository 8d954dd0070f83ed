# Sends heartbeats to the metadata service until its standard input ends. It is run as a
# script, next to each task that takes longer than a few seconds, so it imports little:
# to import json or socket would take as long as Python's start; http.client, requests and
# metaflow take longer still.
import os
import select
from _socket import SOCK_STREAM, getaddrinfo, socket

TIMEOUT = DEFAULT_FREQUENCY = 10  # seconds


def post(host, port, request):
    addresses = getaddrinfo(host, int(port), 0, SOCK_STREAM)
    for family, kind, protocol, _, address in addresses:
        connection = socket(family, kind, protocol)
        connection.settimeout(TIMEOUT)
        if connection.connect_ex(address) == 0:
            break
    connection.sendall(request)  # Fails if no address could be connected to
    # The request is one of HTTP/1.0: the answer ends with the connection
    answer = b"".join(iter(lambda: connection.recv(65536), b""))
    connection.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body


def post_with_requests(message):
    import json
    import requests

    payload = json.loads(message)["payload"]
    response = requests.post(
        payload["hb_url"], data="{}", headers=payload["headers"], timeout=TIMEOUT
    )
    return response.status_code, response.content


def beat(message):
    # Send a heartbeat; return after how many seconds the next one is due
    status, plain = 300, message.partition(b'"plain_request": "')[2].partition(b'"')[0]
    if plain:
        status, body = post(*bytes.fromhex(plain.decode("ascii")).split(b" ", 2))
    # A redirection, what takes more than plain HTTP, or a gateway that refuses HTTP/1.0
    if 300 <= status < 400 or status in (426, 505):
        status, body = post_with_requests(message)
    if status != 200:
        raise Exception("code %d: %s" % (status, body))
    # JSON with a text that is JSON: "{\"wait_time_in_seconds\": 10}"
    seconds = body.partition(b"wait_time_in_seconds")[2].strip(b'\\": }\n')
    return seconds.isdigit() and int(seconds) or DEFAULT_FREQUENCY


def main():
    stdin = os.fdopen(0, "rb", buffering=0)
    message = stdin.readline()
    failures = wait = 0
    # Until there is a message to shut down, or the process that started this one has ended
    while not select.select([stdin], [], [], wait)[0]:
        try:
            wait, failures = beat(message), 0
        except Exception as ex:
            print("HeartBeat request failed (%r)" % ex)
            failures += 1
            wait = 1.5**failures
    if stdin.readline():
        beat(message)


if __name__ == "__main__":
    main()
