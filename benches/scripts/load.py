#!/usr/bin/env python3
"""10,000 requests over 64 connections, one in four malformed, against `example-server`.

    python3 benches/scripts/load.py [requests]

Counts on both sides: what the clients were answered, and what the server says that it accepted and refused. Wanted:
no connection reset, and no answer missing or wrong. A connection is used until the server says that it closes.
"""

import collections
import socket
import sys
import threading

from common import BODY, OK, Server, query, request, response

CONNECTIONS = 64
PATH = "/im/callback?"

MALFORMED = [
    # (name, status, request)
    ("body cut short", 400, lambda: request(PATH + query(), BODY[:-1])),
    ("no body", 400, lambda: request(PATH + query(), b"")),
    ("body not JSON", 400, lambda: request(PATH + query(), b"\x00\xff" * 40)),
    ("GroupId a number", 400, lambda: request(PATH + query(), BODY.replace(b'"@TGS#2J4SZEAEL"', b"7"))),
    ("other body", 400, lambda: request(PATH + query(), BODY.replace(b"Full", b"Else"))),
    ("no query", 400, lambda: request(PATH)),
    ("SdkAppid twice", 400, lambda: request(PATH + query() + "&SdkAppid=888888")),
    ("other app", 403, lambda: request(PATH + query(app=888889))),
    ("other token", 403, lambda: request(PATH + query(token="guess"))),
    ("contenttype", 415, lambda: request(PATH + query(content_type="xml"))),
    ("query too long", 414, lambda: request(PATH + query() + "&x=" + "x" * 8192)),
    ("GET", 405, lambda: request(PATH + query(), method="GET")),
]


def client(port, numbers, counts, lock):
    seen = collections.Counter()
    stream = None
    for number in numbers:
        if number % 4 == 0:
            _, status, make = MALFORMED[number // 4 % len(MALFORMED)]
        else:
            status, make = 200, lambda: request(PATH + query())
        try:
            if stream is None:
                connection = socket.create_connection(("127.0.0.1", port))
                stream = connection.makefile("rb")
                seen["connections"] += 1
            connection.sendall(make())
            answer = response(stream)
            if answer is None:
                seen["missing"] += 1
                stream = None
                continue
            got, closes, body = answer
            right = got == status and (body == OK if status == 200 else b'"FAIL"' in body)
            seen["right" if right else "wrong"] += 1
            seen["accepted" if got == 200 else "refused"] += 1
            if closes:
                if stream.read(1):
                    seen["wrong"] += 1
                stream = None
        except ConnectionError as error:
            seen[type(error).__name__] += 1
            stream = None
    with lock:
        counts.update(seen)


def play(port, requests, counts):
    """Sends this many requests, and counts the outcomes."""
    lock = threading.Lock()
    threads = [
        threading.Thread(target=client, args=(port, range(first, requests, CONNECTIONS), counts, lock))
        for first in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    counts = collections.Counter()
    server = Server("example-server", "--address", "127.0.0.1:0")
    play(server.port, requests, counts)
    last = server.stop().splitlines()[-1]
    print("clients:", dict(sorted(counts.items())))
    print("server: ", last)
    wanted = f"stopped: {counts['accepted']} accepted, {counts['refused']} refused, 0 of other commands"
    sys.exit(counts["right"] != requests or not last.endswith(wanted))


if __name__ == "__main__":
    main()
