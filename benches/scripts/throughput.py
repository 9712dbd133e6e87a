#!/usr/bin/env python3
"""Throughput of `example-server`, signed, against `bench-baseline`, which checks nothing and logs nothing.

The server is measured twice: as it starts, with a line in its log for each event, and with `--log warn`.

    python3 benches/scripts/throughput.py [rounds] [seconds]

Needs wrk (`apt-get install wrk`). Interleaved rounds (default 7 of 5 s) of 64 connections on loopback;
prints the ratio of each round, their median and their spread. Wanted with `--log warn`: a median of 0.93 or more.
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
    baseline = Server("bench-baseline")
    as_it_starts = compare(Server("example-server", "--address", "127.0.0.1:0"), baseline, rounds, seconds)
    quiet = compare(Server("example-server", "--address", "127.0.0.1:0", "--log", "warn"), baseline, rounds, seconds)
    baseline.process.kill()
    for name, (ratios, costs) in ("a line for each event", as_it_starts), ("--log warn", quiet):
        for what, values in ("throughput", ratios), ("processor time", costs):
            median = statistics.median(values)
            print(f"{name}: {what}: median {median:.3f}, from {min(values):.3f} to {max(values):.3f}")
    sys.exit(statistics.median(quiet[0]) < 0.93)


def compare(server, baseline, rounds, seconds):
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
    lost = server.stop().count(" lost: ")
    if lost:
        sys.exit(f"{lost} events were answered FAIL")
    return ratios, costs


main()
