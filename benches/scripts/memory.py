#!/usr/bin/env python3
"""Memory under attack: 64 connections, each with an endless chunked body, against `example-server`.

    python3 benches/scripts/memory.py [waves]

Prints how far the resident memory rose at its peak, after the first wave and after all (default 20),
and how many of the clients, which read while they write, received their whole 413. Wanted: below 12 MiB, and all.
"""

import socket
import sys
import threading

from common import Server, query, response

CONNECTIONS = 64
AT_MOST = 64 * 1024 * 1024
TOO_LARGE = b'{"ActionStatus":"FAIL","ErrorInfo":"body: longer than the limit","ErrorCode":1}'


def attack(port, barrier, answers):
    with socket.create_connection(("127.0.0.1", port)) as client:
        head = f"POST /im/callback?{query()} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.sendall(head.encode())
        barrier.wait()

        def write():
            chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
            try:
                for _ in range(AT_MOST // len(chunk)):
                    client.sendall(chunk)
            except OSError:
                pass  # The server has closed, as it said.

        writer = threading.Thread(target=write)
        writer.start()
        try:
            answers.append(response(client.makefile("rb")))
        except OSError as error:
            answers.append(error)
        writer.join()


def wave(port):
    barrier, answers = threading.Barrier(CONNECTIONS), []
    threads = [threading.Thread(target=attack, args=(port, barrier, answers)) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def main():
    waves = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    server = Server("example-server", "--address", "127.0.0.1:0")
    before = server.memory("VmRSS")
    answers = wave(server.port)
    first = server.memory("VmHWM") - before
    for _ in range(waves - 1):
        answers += wave(server.port)
    peak, after = server.memory("VmHWM") - before, server.memory("VmRSS") - before
    server.stop()
    whole = answers.count((413, True, TOO_LARGE))
    print(f"resident before: {before:.1f} MiB")
    print(f"peak, first wave of {CONNECTIONS}: +{first:.1f} MiB; peak of {waves} waves: +{peak:.1f}; left: +{after:.1f}")
    print(f"whole 413 received by {whole} of {len(answers)} clients")
    for other in {str(answer) for answer in answers if answer != (413, True, TOO_LARGE)}:
        print(f"  other: {other}")
    sys.exit(peak >= 12 or whole < len(answers))


main()
