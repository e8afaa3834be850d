"""A real server for foreign peers: `emberwatch serve` in a folder of its own, set up through its own first-run API."""

import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from http.cookiejar import CookieJar

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("EMBERWATCH_BINARY", ROOT / "target" / "debug" / "emberwatch"))
PASSWORD = "peer-Kettle-42-lantern"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Api:
    """A signed-in administrator over plain HTTP."""

    def __init__(self, base):
        self.base = base
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
        self.csrf = None

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
            raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from error

    def get(self, path):
        return self.call("GET", path)

    def post(self, path, body=None):
        return self.call("POST", path, {} if body is None else body)


class Server:
    """The process, its addresses, and an administrator."""

    def __init__(self, data, extra=()):
        self.http, self.field, self.mqtt = free_port(), free_port(), free_port()
        command = [
            str(BINARY), "serve",
            "--set", f"data.dir={data}",
            "--set", f"http.listen=127.0.0.1:{self.http}",
            "--set", f"field.listen=127.0.0.1:{self.field}",
            "--set", "gb26875.listen=127.0.0.1:0",
            "--set", f"mqtt.listen=127.0.0.1:{self.mqtt}",
            "--set", "ingest.listen=127.0.0.1:0",
            "--set", "coap.listen=127.0.0.1:0",
            "--set", "coaps.listen=127.0.0.1:0",
        ]
        for setting in extra:
            command += ["--set", setting]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = []
        self.setup_code = None
        self.doors = {}
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"setup code:\s*(\S+)", line)
            if found:
                self.setup_code = found.group(1)
            found = re.match(r"(\w+) door: \S+:(\d+)$", line.strip())
            if found:
                self.doors[found.group(1)] = int(found.group(2))
            if "ready:" in line:
                break
        else:
            raise AssertionError("the server ended before it was ready:\n" + "".join(self.lines))
        threading.Thread(target=self._drain, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.http}"
        self.api = Api(self.base + "/api/v1")

    def _drain(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def set_up(self):
        self.api.post("/setup", {
            "organisation_name": "Peer test", "login": "admin", "name": "Admin", "password": PASSWORD,
            "language": "en", "setup_code": self.setup_code,
        })
        self.api.csrf = self.api.get("/session")["csrf_token"]

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        assert self.process.wait(timeout=30) == 0, "Ctrl-C stops cleanly:\n" + "".join(self.lines[-20:])


def coaps(server, path, identity, key, *, method="post", payload=None, within_s=20):
    """What libcoap's client over GnuTLS prints of one request in a session of its own."""
    command = ["coap-client-gnutls", "-v", "6", "-B", str(within_s), "-m", method, "-u", identity, "-k", key, "-t", "50"]
    if payload is not None:
        command += ["-e", payload]
    command.append(f"coaps://127.0.0.1:{server.doors['coaps']}{path}")
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=within_s + 20, check=False)
    return done.stdout.decode(errors="replace")


def telemetry_terminal(server, serial, key):
    """A registered terminal with a shared secret, and its detector."""
    organisation = server.api.get("/organisations")[0]["id"]
    made = server.api.post("/terminals", {
        "serial": serial, "protocol": "telemetry",
        "detectors": [{
            "profile_id": "telemetry-generic", "name": "Narrow-band detector",
            "new_site": {"name": f"Shop {serial}", "address": "5 Test Road", "area_code": "430202",
                         "organisation_id": organisation, "premises_kind": "retail_cluster",
                         "lon": 113.15, "lat": 27.85, "zone": "Asia/Shanghai"},
            "new_panel": {"name": "P1"},
            "new_circuit": {"name": "C1", "rated_current_a": 63, "phases": 3},
        }],
    })
    server.api.post(f"/terminals/{made['terminal_id']}/credentials", {"kind": "shared_secret", "secret": key})
    return {"terminal": made["terminal_id"], "detector": made["detector_ids"][0]}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("data"), ["field.dtu.gap_ms=20"])
    server.set_up()
    yield server
    server.stop()


def until(what, seconds, probe):
    """Asks `probe` again and again until it gives something; the server's own work decides how long that takes."""
    import time
    deadline = time.monotonic() + seconds
    while True:
        got = probe()
        if got:
            return got
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
