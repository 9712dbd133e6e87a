#!/usr/bin/env python3
"""Throughput of `example-server`, signed, against `bench-baseline`, which checks nothing and logs nothing.

    python3 benches/scripts/throughput.py [rounds] [seconds]

Needs wrk (`apt-get install wrk`). Interleaved rounds (default 7 of 5 s) of 64 connections on loopback;
prints the ratio of each round, their median and their spread. Wanted: a median of 0.93 or more.
"""

import re
import statistics
import subprocess
import sys
import tempfile

from common import BODY, Server, query

LUA = """wrk.method = "POST"
wrk.path = "/im/callback?%s"
wrk.body = [[%s]]
"""


def measure(server, seconds):
    """Requests a second, and microseconds of processor time for each."""
    used = server.processor_seconds()
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        # Signed anew: a signature is fresh for a minute.
        script.write(LUA % (query(), BODY.decode()))
        script.flush()
        wrk = ["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", script.name, f"http://127.0.0.1:{server.port}"]
        report = subprocess.run(wrk, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in report or "Socket errors" in report:
        sys.exit(report)
    used = server.processor_seconds() - used
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", report).group(1))
    return rate, used * 1e6 / int(re.search(r"(\d+) requests in", report).group(1))


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    server, baseline = Server("example-server", "--address", "127.0.0.1:0"), Server("bench-baseline")
    for started in (server, baseline):
        measure(started, 1)
    ratios, costs = [], []
    for number in range(rounds):
        # Alternately first, so that neither always has the warmer machine.
        order = [server, baseline] if number % 2 else [baseline, server]
        measured = {started: measure(started, seconds) for started in order}
        (rate, cost), (base_rate, base_cost) = measured[server], measured[baseline]
        ratios.append(rate / base_rate)
        costs.append(cost / base_cost)
        print(
            f"round {number + 1}: server {rate:.0f}/s at {cost:.1f} us of processor, "
            f"baseline {base_rate:.0f}/s at {base_cost:.1f} us, throughput {ratios[-1]:.3f}"
        )
    # wrk does not read the envelopes: an event that found the queue full was answered FAIL.
    print(server.stop())
    baseline.process.kill()
    median = statistics.median(ratios)
    print(f"throughput: median {median:.3f}, from {min(ratios):.3f} to {max(ratios):.3f}")
    print(f"processor time: median {statistics.median(costs):.3f}, from {min(costs):.3f} to {max(costs):.3f}")
    sys.exit(median < 0.93)


main()
