#!/usr/bin/env python3
"""What a request costs each server: microseconds of processor time, its own and the kernel's for it.

    python3 benches/load.py [rounds] [seconds]

Needs wrk (`apt-get install wrk`), which is the client: one thread and 64 connections that are kept open, over loopback, with
one signed callback again and again. Round by round (default 5 of 3 s) each server in turn, so that all see the same machine.
Processor time does not depend on how fast the client is. `example-server` stores events in SQLite and works on them, with a log
line for each, and is also sent what it does not store. A request that is answered with another status than it should ends it.
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
FORGED = EVENT.replace("?%s", "?%s0")
SCRIPTS = {
    "one group": EVENT,
    "a new group each": NEW_GROUPS,
    "another command": EVENT.replace("AfterGroupFull", "AfterSendMsg"),
    "refused": FORGED.replace("wrk.body =", "-- wrk.body ="),
    # The body is not read, so each answer ends its connection.
    "refused, with a body": FORGED,
}
# A program, and what is sent to it.
ROWS = [(f"example-{name}", "one group") for name in ["axum", "hyper", "actix", "poem", "tiny-http"]]
ROWS += [("example-server", sent) for sent in SCRIPTS]


def query(command):
    """Signed anew: a signature is fresh for a minute."""
    now = str(int(time.time()))
    sign = hashlib.sha256((TOKEN + now).encode()).hexdigest()
    return (
        f"SdkAppid=888888&CallbackCommand={command}&contenttype=json&ClientIP=127.0.0.1"
        f"&OptPlatform=RESTAPI&Sign={sign}&RequestTime={now}"
    )


class Server:
    """A release build on a free port."""

    def __init__(self, program, sent):
        self.name, self.sent, self.costs = f"{program}, {sent}", sent, []
        self.folder = tempfile.TemporaryDirectory()
        command = [os.path.join(TARGET, "release", program)]
        if program == "example-server":
            database = os.path.join(self.folder.name, "rooms.db")
            command += ["--address", "127.0.0.1:0", "--max-rooms", "1000000", "--database", database]
        environment = dict(os.environ, IM_CALLBACK_TOKEN=TOKEN, IM_CALLBACK_ADDRESS="127.0.0.1:0")
        log = os.path.join(self.folder.name, "log")
        with open(log, "w") as out, open(log) as printed:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, env=environment)
            text = ""
            while not (found := re.search(r"http://127\.0\.0\.1:(\d+)/", text)):
                if self.process.poll() is not None:
                    sys.exit(f"{self.name} ended: {text}")
                time.sleep(0.01)
                text += printed.read()
        self.port = found.group(1)

    def processor_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(self, seconds):
        """Returns the microseconds for each request."""
        before = self.processor_seconds()
        script = os.path.join(self.folder.name, "script.lua")
        with open(script, "w") as file:
            command = re.search(r"Group\.Callback\w+", SCRIPTS[self.sent]).group()
            file.write(SCRIPTS[self.sent] % query(command))
        wrk = ["wrk", "-t1", "-c64", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{self.port}"]
        report = subprocess.run(wrk, check=True, capture_output=True, text=True).stdout
        if ("Non-2xx" in report) != self.sent.startswith("refused") or "Socket errors" in report:
            sys.exit(f"{self.name}: {report}")
        requests = int(re.search(r"(\d+) requests in", report).group(1))
        return (self.processor_seconds() - before) * 1e6 / requests


def main():
    rounds, seconds = (int(arg) for arg in (sys.argv[1:] + ["5", "3"][len(sys.argv) - 1 :]))
    packages = [argument for program in sorted({row[0] for row in ROWS}) for argument in ("-p", program)]
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
