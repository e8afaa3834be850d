"""The others, each in a folder of its own on a free port, as Debian has them."""

import http.client
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import machine  # noqa: E402
from server import Api, Server, commission, free_port  # noqa: E402

from readings import CHANNELS, DAY_MS, NAMES, lines, messages, rows  # noqa: E402

POINTS = 2000


def waits(port, process, within_s=60):
    """Until somebody answers on a port."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if process.poll() is not None:
            raise SystemExit(f"{process.args[0]} ended by itself")
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"nobody answers on {port}")


def size_of(folder):
    """Bytes of all files, as they take room on the disk."""
    return sum(path.stat().st_blocks * 512 for path in pathlib.Path(folder).rglob("*") if path.is_file())


def sent(posts, bodies):
    """Sends each list of bodies by a connection of its own; gives readings and seconds."""
    done, failed = [0] * len(bodies), []

    def run(place):
        post = posts(place)
        try:
            for count, body in bodies[place]:
                post(body)
                done[place] += count
        except (OSError, http.client.HTTPException, SystemExit) as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(bodies))]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit(f"sending failed: {failed[0]}")
    return sum(done), time.monotonic() - began


def poster(port, path, headers, wanted):
    """A function that posts a body on one connection and wants a status."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def post(body):
        line.request("POST", path, body, headers)
        answer = line.getresponse()
        said = answer.read()
        if answer.status != wanted:
            raise SystemExit(f"{path}: {answer.status} {said[:300]!r}")

    return post


def getter(port):
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(path, headers=None):
        line.request("GET", path, headers=headers or {})
        answer = line.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {said[:300]!r}")
        return said

    return get


class Peer:
    """What each must have: `name`, `durable`, `bodies`, `take`, `settle`, `size`, `ask`, `stop`."""

    process = None

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=60)


class VictoriaMetrics(Peer):
    name = "VictoriaMetrics"
    durable = "after some seconds, without fsync of what came"

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        self.process = subprocess.Popen(
            ["victoria-metrics", f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{self.port}",
             "-retentionPeriod=100y", "-loggerLevel=ERROR"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        waits(self.port, self.process)

    def bodies(self, readings, number):
        return list(lines(readings, number, 5000))

    def take(self, bodies):
        post = lambda _place: poster(self.port, "/write?precision=ms", {}, 204)
        taken = sent(post, bodies)
        getter(self.port)("/internal/force_flush")
        return taken

    def settle(self):
        getter(self.port)("/internal/force_merge")
        last = -1
        # Merging goes on by itself; it is over when the folder is the same for five seconds.
        while (now := size_of(self.folder)) != last:
            last = now
            time.sleep(5)

    def size(self):
        return size_of(self.folder)

    def ask(self, number, place, begin_ms, days):
        step = days * 86_400 // POINTS
        get = getter(self.port)
        series = f'r_{NAMES[place]}{{d="{number}"}}'
        span = f"start={begin_ms // 1000}&end={begin_ms // 1000 + days * 86_400}&step={step}&nocache=1"

        def ask():
            for function in ("min", "max"):
                query = urllib.parse.quote(f"{function}_over_time({series}[{step}s])")
                get(f"/api/v1/query_range?query={query}&{span}")

        return ask


class InfluxDb(Peer):
    name = "InfluxDB 1.6"
    durable = "after fsync of its log"

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        config = folder / "influxdb.conf"
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
            f'[meta]\ndir = "{folder}/meta"\n'
            f'[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\nindex-version = "tsi1"\n'
            f'cache-snapshot-write-cold-duration = "2s"\ncompact-full-write-cold-duration = "5s"\n'
            f'[http]\nbind-address = "127.0.0.1:{self.port}"\nlog-enabled = false\nmax-body-size = 0\n',
            encoding="utf-8",
        )
        self.process = subprocess.Popen(["influxd", "-config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        waits(self.port, self.process)
        poster(self.port, "/query?q=CREATE+DATABASE+bench", {}, 200)(b"")

    def bodies(self, readings, number):
        return list(lines(readings, number, 5000))

    def take(self, bodies):
        return sent(lambda _place: poster(self.port, "/write?db=bench&precision=ms", {}, 204), bodies)

    def settle(self):
        last, same = -1, 0
        while same < 3:
            now = size_of(self.folder)
            same = same + 1 if now == last else 0
            last = now
            time.sleep(5)

    def size(self):
        return size_of(self.folder)

    def ask(self, number, place, begin_ms, days):
        step, get = days * 86_400 // POINTS, getter(self.port)
        name = NAMES[place]
        text = (
            f"SELECT min({name}), max({name}), mean({name}) FROM r WHERE d = '{number}' AND time >= {begin_ms}ms "
            f"AND time < {begin_ms + days * DAY_MS}ms GROUP BY time({step}s)"
        )
        path = "/query?db=bench&q=" + urllib.parse.quote(text)
        return lambda: get(path)


class Postgres(Peer):
    """Debian's PostgreSQL 15 in a cluster of its own, owned by its user because it refuses root."""

    name = "PostgreSQL 15"
    durable = "after fsync (COPY in batches of 5,000)"
    BIN = pathlib.Path("/usr/lib/postgresql/15/bin")

    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        for parent in [folder, *folder.parents]:
            if parent.stat().st_mode & 0o001 == 0:
                raise SystemExit(f"{parent} must be open (x) to the user postgres")
        shutil.chown(folder, "postgres", "postgres")
        os.chmod(folder, 0o700)
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        done = subprocess.run([*as_user, self.BIN / "initdb", "-D", folder / "db", "--auth=trust", "-E", "UTF8"], capture_output=True, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stderr.decode())
        self.process = subprocess.Popen(
            [*as_user, str(self.BIN / "postgres"), "-D", str(folder / "db"), "-p", str(self.port), "-k", str(folder),
             "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=512MB", "-c", "max_wal_size=8GB", "-c", "wal_compression=on"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        waits(self.port, self.process)
        columns = ", ".join(f"{name} integer NOT NULL" for name in NAMES)
        self.run(f"CREATE TABLE r (d integer NOT NULL, at bigint NOT NULL, {columns}, PRIMARY KEY (d, at))")

    def psql(self, *more, **how):
        command = ["psql", "-X", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-v", "ON_ERROR_STOP=1", *more]
        return subprocess.Popen(command, **how)

    def run(self, text):
        client = self.psql("-At", "-c", text, stdout=subprocess.PIPE, text=True)
        said = client.communicate()[0]
        if client.returncode != 0:
            raise SystemExit(f"psql failed: {text}")
        return said.strip()

    def bodies(self, readings, number):
        return list(rows(readings, number, 5000))

    def take(self, bodies):
        def posts(_place):
            client = self.psql(stdin=subprocess.PIPE, stdout=subprocess.PIPE)

            def post(body):
                client.stdin.write(b"COPY r FROM STDIN;\n" + body + b"\\.\n\\echo done\n")
                client.stdin.flush()
                if client.stdout.readline().strip() != b"done":
                    raise SystemExit("COPY failed")

            return post

        return sent(posts, bodies)

    def settle(self):
        self.run("VACUUM ANALYZE r")
        self.run("CHECKPOINT")

    def size(self):
        return int(self.run("SELECT pg_total_relation_size('r')"))

    def ask(self, number, place, begin_ms, days):
        step = days * DAY_MS // POINTS
        name, scale = NAMES[place], 10 ** CHANNELS[place][1]
        text = (
            f"SELECT at / {step}, min({name}) / {scale}.0, max({name}) / {scale}.0, avg({name}) / {scale} FROM r "
            f"WHERE d = {number} AND at >= {begin_ms} AND at < {begin_ms + days * DAY_MS} GROUP BY 1 ORDER BY 1;\n\\echo done\n"
        ).encode()
        client = self.psql("-At", stdin=subprocess.PIPE, stdout=subprocess.PIPE)

        def ask():
            client.stdin.write(text)
            client.stdin.flush()
            while client.stdout.readline().strip() != b"done":
                pass

        return ask


class Emberwatch(Peer):
    name = "Emberwatch"
    durable = "after fsync, evaluated for hazards"

    def __init__(self, folder, detectors):
        self.data = folder / "data"
        password = commission(self.data, 1)
        self.ingest = free_port()
        settings = [
            f"ingest.listen=127.0.0.1:{self.ingest}",
            "ingest.max_requests_per_s=100000", "ingest.max_requests_burst=100000", "ingest.telegram_log=off",
            "field.telegram_log=off", "data.keep_readings_days=4000",
        ]
        self.server = Server(self.data, settings)
        self.api = Api(self.server, password)
        organisation = self.api.get("/organisations")[0]["id"]
        self.tokens, self.ids = {}, {}
        for number in range(1, detectors + 1):
            made = self.api.post("/terminals", {
                "serial": f"BENCH-{number}", "protocol": "telemetry",
                "detectors": [{
                    "profile_id": "telemetry-generic", "name": f"bench {number}",
                    "new_site": {"name": f"site {number}", "address": "", "area_code": "430202", "organisation_id": organisation,
                                 "premises_kind": "market", "lon": 113.15, "lat": 27.85, "zone": "Asia/Shanghai"},
                    "new_panel": {"name": "P"}, "new_circuit": {"name": "C", "rated_current_a": 63, "phases": 3},
                }],
            })
            issued = self.api.post(f"/terminals/{made['terminal_id']}/credentials", {"kind": "token"})
            self.tokens[number], self.ids[number] = issued["secret"], made["detector_ids"][0]

    def bodies(self, readings, number):
        return list(messages(readings, 800))

    def take(self, bodies):
        def posts(place):
            number = place + 1
            headers = {"Authorization": f"Bearer {self.tokens[number]}", "Content-Type": "application/json"}
            return poster(self.ingest, f"/ingest/v1/terminals/BENCH-{number}/readings", headers, 200)

        return sent(posts, bodies)

    def settle(self):
        """Until what has ended is sealed: the folder is the same for half a minute."""
        last, same, end = -1, 0, time.monotonic() + 300
        while same < 6 and time.monotonic() < end:
            now = self.size()
            same = same + 1 if now == last else 0
            last = now
            time.sleep(5)

    def size(self):
        folder = self.data
        return sum(p.stat().st_blocks * 512 for p in folder.rglob("*") if p.is_file() and not p.name.startswith("telegrams"))

    def ask(self, number, place, begin_ms, days):
        channels = self.api.get(f"/detectors/{self.ids[number]}")["channels"]
        channel = next(one["id"] for one in channels if one["point"] == NAMES[place])
        iso = lambda ms: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms / 1000))
        path = (
            f"/api/v1/detectors/{self.ids[number]}/curve?channels={channel}&from={iso(begin_ms)}"
            f"&to={iso(begin_ms + days * DAY_MS)}&points={POINTS}"
        )
        get, headers = getter(self.server.http), {"Cookie": self.api.cookies()}
        return lambda: get(path, headers)

    def stop(self):
        self.server.stop()


class Mosquitto(Peer):
    name = "Mosquitto 2.0"

    def __init__(self, folder):
        self.port = free_port()
        config = folder / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\nlog_type none\n", encoding="utf-8")
        self.process = subprocess.Popen(["mosquitto", "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        waits(self.port, self.process)

    def idle_kb(self, connections):
        """Kilobytes per connected MQTT client that says nothing."""
        before = machine.memory_kb(self.process.pid)
        held = []
        for number in range(connections):
            name = f"idle-{number}".encode()
            line = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            body = b"\x00\x04MQTT\x04\x02\x00\x00" + len(name).to_bytes(2, "big") + name
            line.sendall(bytes([0x10, len(body)]) + body)
            if line.recv(4) != b"\x20\x02\x00\x00":
                raise SystemExit("mosquitto refused a client")
            held.append(line)
        time.sleep(2)
        after = machine.memory_kb(self.process.pid)
        for line in held:
            line.close()
        return (after - before) / connections
