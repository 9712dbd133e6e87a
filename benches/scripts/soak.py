#!/usr/bin/env python3
"""1,000,000 callbacks to `example-server`, one in four malformed: nothing wrong, and nothing left behind.

    python3 benches/scripts/soak.py [requests]

Wanted: every answer right, and at the end no more than 2 MiB of resident memory above that after the first 10,000.
"""

import collections
import sys
import time

from common import Server
from load import play

FIRST = 10_000


def main():
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    counts = collections.Counter()
    server = Server("example-server", "--address", "127.0.0.1:0")
    start = time.monotonic()
    play(server.port, FIRST, counts)
    first = server.memory("VmRSS")
    play(server.port, requests - FIRST, counts)
    end = server.memory("VmRSS")
    seconds = time.monotonic() - start
    server.stop()
    print(f"{requests} callbacks in {seconds:.0f} s: {dict(sorted(counts.items()))}")
    print(f"resident after {FIRST}: {first:.2f} MiB; at the end: {end:.2f} MiB ({end - first:+.2f})")
    sys.exit(counts["right"] != requests or end - first > 2)


main()
