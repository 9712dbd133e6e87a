#!/usr/bin/env python3
"""What a request costs each server: microseconds of processor time, its own and the kernel's for it.

    python3 benches/load.py [rounds] [seconds]

Needs wrk (`apt-get install wrk`), which is the client: one thread and 64 connections that are kept open, over loopback, with
one signed callback again and again. Round by round (default 5 of 3 s) each server in turn, so that all see the same machine.
Processor time does not depend on how fast the client is. `baseline` is axum without this crate. `example-server` stores events
in SQLite and works on them, with a log line for each, and is also sent what it does not store. A request that is answered with
another status than it should ends it.
"""

import hashlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
TOKEN = "xxxxyyyy"
EVENT = """wrk.method = "POST"
wrk.path = "/im/callback?%s"
wrk.body = '{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL","EventTime":1670574414123}'
"""
NEW_GROUPS = EVENT + """local number, body = 0, wrk.body
request = function()
    number = number + 1
    return wrk.format(nil, nil, nil, (body:gsub("2J4SZEAEL", number)))
end
"""
OTHER_COMMAND = EVENT.replace("AfterGroupFull", "AfterSendMsg")
FORGED = EVENT.replace("?%s", "?%s0")
FORGED_WITHOUT_BODY = FORGED.replace("wrk.body =", "-- wrk.body =")
ON_A_TABLE = ["--address", "127.0.0.1:0", "--max-rooms", "1000000", "--database"]
# What is measured, its package, its program and arguments, and what is sent to it.
ROWS = [
    ("baseline", "benches", ["baseline"], EVENT),
    *[(name, name, [name], EVENT) for name in map("example-{}".format, ["axum", "hyper", "actix", "poem", "tiny-http"])],
    ("example-server, one group", "example-server", ["example-server", *ON_A_TABLE], EVENT),
    ("example-server, a new group each", "example-server", ["example-server", *ON_A_TABLE], NEW_GROUPS),
    ("example-server, another command", "example-server", ["example-server", *ON_A_TABLE], OTHER_COMMAND),
    ("example-server, refused", "example-server", ["example-server", *ON_A_TABLE], FORGED_WITHOUT_BODY),
    # The body is not read, so each answer ends its connection.
    ("example-server, refused, with a body", "example-server", ["example-server", *ON_A_TABLE], FORGED),
]


def query(command):
    """Signed anew: a signature is fresh for a minute."""
    now = str(int(time.time()))
    sign = hashlib.sha256((TOKEN + now).encode()).hexdigest()
    return (
        f"SdkAppid=888888&CallbackCommand={command}&contenttype=json&ClientIP=127.0.0.1"
        f"&OptPlatform=RESTAPI&Sign={sign}&RequestTime={now}"
    )


class Server:
    """A release build on a free port; what it prints goes to a file."""

    def __init__(self, name, _, command, script):
        self.name, self.script, self.costs, self.log = name, script, [], tempfile.NamedTemporaryFile("w+")
        self.folder = tempfile.TemporaryDirectory()
        if command[-1] == "--database":
            command = [*command, os.path.join(self.folder.name, "rooms.db")]
        environment = dict(os.environ, IM_CALLBACK_TOKEN=TOKEN, IM_CALLBACK_ADDRESS="127.0.0.1:0")
        program = os.path.join(TARGET, "release", command[0])
        self.process = subprocess.Popen([program, *command[1:]], stdout=self.log, stderr=self.log, env=environment)
        while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/", self.printed())):
            if self.process.poll() is not None:
                sys.exit(f"{name} ended: {self.printed()}")
            time.sleep(0.01)
        self.port = found.group(1)

    def printed(self):
        with open(self.log.name) as log:
            return log.read()

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(self, seconds):
        """Returns the microseconds for each request."""
        before = self.processor_seconds()
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            command = re.search(r"Group\.Callback\w+", self.script).group()
            script.write(self.script % query(command))
            script.flush()
            wrk = ["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", script.name, f"http://127.0.0.1:{self.port}"]
            report = subprocess.run(wrk, check=True, capture_output=True, text=True).stdout
        if ("Non-2xx" in report) != (self.script in (FORGED, FORGED_WITHOUT_BODY)) or "Socket errors" in report:
            sys.exit(f"{self.name}: {report}")
        requests = int(re.search(r"(\d+) requests in", report).group(1))
        return (self.processor_seconds() - before) * 1e6 / requests


def main():
    rounds, seconds = (int(arg) for arg in (sys.argv[1:] + ["5", "3"][len(sys.argv) - 1 :]))
    packages = [argument for _, package, *_ in ROWS for argument in ("-p", package)]
    subprocess.run(["cargo", "build", "--quiet", "--release", *packages], cwd=ROOT, check=True)
    servers = [Server(*row) for row in ROWS]
    try:
        for server in servers:
            server.measure(1)
        for _ in range(rounds):
            for server in servers:
                server.costs.append(server.measure(seconds))
        print(subprocess.run(["wrk", "-v"], capture_output=True, text=True).stdout.splitlines()[0])
        print("| server | µs for each request | lowest and highest |\n|---|---:|---:|")
        for server in servers:
            low, median, high = min(server.costs), statistics.median(server.costs), max(server.costs)
            print(f"| {server.name} | {median:.1f} | {low:.1f} – {high:.1f} |")
    finally:
        for server in servers:
            server.process.kill()


if __name__ == "__main__":
    main()
