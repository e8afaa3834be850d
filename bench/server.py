"""The release binary as a process, and a signed-in administrator of it."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.cookiejar import CookieJar

ROOT = pathlib.Path(__file__).resolve().parents[1]
BINARY = pathlib.Path(os.environ.get("EMBERWATCH_BINARY", ROOT / "target" / "release" / "emberwatch"))
PASSWORD = "bench-Kettle-42-lantern"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def commission(data, terminals, mqtt=0):
    """A data folder with so many terminals of the load; gives the one-time password."""
    command = [
        str(BINARY), "commission", "--load", str(terminals), "--load-mqtt", str(mqtt), "--data", str(data),
    ]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return re.search(r"one-time password: (\S+)", out).group(1)


class Server:
    """`emberwatch serve` on free ports of the loopback."""

    def __init__(self, data, settings=()):
        self.data = pathlib.Path(data)
        self.http, self.field, self.mqtt = free_port(), free_port(), free_port()
        command = [
            str(BINARY), "serve", "--data", str(data),
            "--set", f"http.listen=127.0.0.1:{self.http}",
            "--set", f"field.listen=127.0.0.1:{self.field}",
            "--set", "gb26875.listen=127.0.0.1:0",
            "--set", f"mqtt.listen=127.0.0.1:{self.mqtt}",
            "--set", "ingest.listen=127.0.0.1:0",
            "--set", "coap.listen=127.0.0.1:0",
            "--set", "coaps.listen=127.0.0.1:0",
            "--set", "log.filter=warn",
        ]
        for setting in settings:
            command += ["--set", setting]
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith("ready:"):
                break
        else:
            raise SystemExit("the server ended before it was ready:\n" + "".join(self.lines))
        self.ready_s = time.monotonic() - self.started
        threading.Thread(target=self._drain, daemon=True).start()

    @property
    def pid(self):
        return self.process.pid

    def _drain(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        if self.process.wait(timeout=60) != 0:
            raise SystemExit("the server did not stop cleanly:\n" + "".join(self.lines[-20:]))

    def kill(self):
        self.process.kill()
        self.process.wait()

    def disk_bytes(self):
        return sum(path.stat().st_size for path in self.data.glob("emberwatch.db*"))


class Api:
    """REST as the administrator; a one-time password is changed at once."""

    def __init__(self, server, one_time_password=None):
        self.base = f"http://127.0.0.1:{server.http}/api/v1"
        self.jar = CookieJar()
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))
        self.csrf = None
        self.post("/session", {"login": "admin", "password": one_time_password or PASSWORD})
        self.csrf = self.get("/session")["csrf_token"]
        if one_time_password:
            self.post("/session/password", {"old_password": one_time_password, "new_password": PASSWORD})
            self.csrf = self.get("/session")["csrf_token"]

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.base + path, method=method)
        request.add_header("Accept", "application/json")
        if self.csrf:
            request.add_header("X-CSRF-Token", self.csrf)
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with self.opener.open(request, data, timeout=30) as answer:
                text = answer.read()
                return json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body):
        return self.call("POST", path, body)

    def cookies(self):
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)


class Simulate:
    """`emberwatch simulate` against a server, in the background."""

    # What `--load` and `--idle` do before they measure.
    CONNECT_PER_S, SETTLE_S, WARM_UP_S = 1500, 0.5, 3.0

    def __init__(self, server, mode, connections, seconds, *more):
        self.words = ["simulate", f"--{mode}", "--connections", str(connections), "--seconds", str(seconds), *map(str, more)]
        doors = ["--to", f"127.0.0.1:{server.field}", "--mqtt", f"127.0.0.1:{server.mqtt}"]
        command = [str(BINARY), *self.words, *doors, "--json"]
        self.seconds = seconds
        self.measures_from = time.monotonic() + connections / self.CONNECT_PER_S + self.SETTLE_S + self.WARM_UP_S
        self.measures_until = self.measures_from + seconds
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    @property
    def pid(self):
        return self.process.pid

    def command(self):
        return "emberwatch " + " ".join(self.words) + " --json"

    def report(self):
        out, _ = self.process.communicate(timeout=180 + self.seconds)
        if self.process.returncode != 0:
            raise SystemExit(f"{self.command()} failed")
        return json.loads(out)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.communicate(timeout=30)


def wait_until(moment):
    while (left := moment - time.monotonic()) > 0:
        time.sleep(left)
