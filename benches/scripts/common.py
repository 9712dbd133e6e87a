"""What the scripts share: started servers, and callbacks to send them."""

import hashlib
import os
import re
import signal
import subprocess
import tempfile
import time

TOKEN = "xxxxyyyy"
OK = b'{"ActionStatus":"OK","ErrorInfo":"","ErrorCode":0}'
BODY = b'{"CallbackCommand":"Group.CallbackAfterGroupFull","GroupId":"@TGS#2J4SZEAEL","EventTime":1670574414123}'
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def query(command="Group.CallbackAfterGroupFull", app=888888, content_type="json", token=TOKEN):
    now = str(int(time.time()))
    sign = hashlib.sha256((token + now).encode()).hexdigest()
    return (
        f"SdkAppid={app}&CallbackCommand={command}&contenttype={content_type}&ClientIP=127.0.0.1"
        f"&OptPlatform=RESTAPI&Sign={sign}&RequestTime={now}"
    )


def request(path, body=BODY, headers="", method="POST"):
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


def response(stream):
    """Reads one answer: (status, whether the connection closes, body); None where there is none."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    status = int(head.split(b" ")[1])
    length = int(re.search(rb"(?i)content-length: (\d+)", head).group(1))
    body = stream.read(length)
    return (status, b"connection: close" in head.lower(), body) if len(body) == length else None


class Server:
    """A release build of a package, on a free port, with the token; its log goes to a file."""

    def __init__(self, package, *arguments):
        build = ["cargo", "build", "--quiet", "--release", "-p", package]
        subprocess.run(build, cwd=ROOT, check=True)
        target = os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target"))
        program = os.path.join(target, "release", package)
        self.log = tempfile.NamedTemporaryFile("w+")
        environment = dict(os.environ, IM_CALLBACK_TOKEN=TOKEN)
        self.process = subprocess.Popen([program, *arguments], stdout=self.log, env=environment)
        while not (line := self.first_line()).endswith("\n"):
            time.sleep(0.01)
        self.port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", line).group(1))

    def first_line(self):
        with open(self.log.name) as log:
            return log.readline()

    def processor_seconds(self):
        """What it has used of the processors."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self, field):
        """`VmRSS` or `VmHWM`, in MiB."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(rf"{field}:\s+(\d+) kB", status.read()).group(1)) / 1024

    def stop(self):
        """Interrupts it, and returns what it printed."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        with open(self.log.name) as log:
            return log.read()
