"""Detectors of its own and a reader of the live stream in one thread: from the write of an upload to the event that a
screen gets. What this program itself needs to notice the event is in the figures."""

import json
import random
import selectors
import socket
import time

LOGIN, UPLOAD = 0x84, 0x91
# `profiles/arcm300-cloud.toml`, the layout without a clock.
REGISTERS, RESIDUAL, POWER_C_LOW = 18, 1, 17
NORMAL = {2: 300, 3: 301, 4: 302, 5: 303, 6: 2300, 7: 2301, 8: 2302, 9: 1800, 10: 1801, 11: 1802, 13: 4000, 15: 4000}
QUIET_MA, BEYOND_MA = 60, 400


def crc16(data):
    """CRC-16/MODBUS."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


def frame(command, body):
    inner = bytes([command]) + body
    return b"{{" + inner + crc16(inner).to_bytes(2, "little") + b"}}"


def login(serial):
    return frame(LOGIN, serial.encode().ljust(20, b"\0") + bytes(30))


def upload(residual_ma, number):
    registers = [NORMAL.get(register, 0) for register in range(REGISTERS)]
    registers[RESIDUAL], registers[POWER_C_LOW] = residual_ma, number
    data = b"".join(value.to_bytes(2, "big") for value in registers)
    return frame(UPLOAD, b"[[1-1((" + bytes([1, 3, len(data)]) + data + b"))]]")


LOGIN_ACK, UPLOAD_ACK = frame(LOGIN, b""), frame(UPLOAD, b"")


def dial(port, serial, within_s=10):
    """A connection that has logged in."""
    line = socket.create_connection(("127.0.0.1", port), timeout=within_s)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.sendall(login(serial))
    _read_until(line, LOGIN_ACK)
    return line


def confirmed(line, number=1):
    """Sends one reading and waits for its confirmation."""
    line.sendall(upload(QUIET_MA, number))
    _read_until(line, UPLOAD_ACK)


def _read_until(line, wanted):
    got = b""
    while wanted not in got:
        some = line.recv(4096)
        if not some:
            raise ConnectionError("closed by the server")
        got += some


class Detector:
    """One probe: its line, its place in the API, and what is on its way."""

    def __init__(self, api, port, serial):
        self.serial = serial
        self.line = dial(port, serial)
        [found] = api.get(f"/detectors?q={serial}")["items"]
        self.id = found["id"]
        channels = api.get(f"/detectors/{self.id}")["channels"]
        self.power = next(c["id"] for c in channels if c["point"] == "active_power_c")
        self.sent = 0
        self.values, self.alarms = {}, {}
        # Every jump over the limit is to be an alarm at once, and over at once.
        hazards = api.get(f"/settings/detector/{self.id}")["hazards"]
        version = next(h["version"] for h in hazards if h["hazard"] == "residual_current")
        own = {"on_delay_s": 0, "off_delay_s": 0, "latching": False}
        api.call("PUT", f"/settings/detector/{self.id}/residual_current", {"own": own, "version": version})

    def send(self):
        self.sent += 1
        # Two beyond the limit, two within; the value names the jump.
        turn, step = divmod(self.sent, 4)
        residual_ma = BEYOND_MA + turn % 500 if step >= 2 else QUIET_MA
        bytes_ = upload(residual_ma, self.sent)
        now = time.perf_counter()
        self.values[self.sent] = now
        if step == 2:
            self.alarms[residual_ma] = now
        self.line.send(bytes_)


class Stream:
    """The live stream over HTTP/1.0, so that the body comes without chunks."""

    def __init__(self, http_port, cookies, detectors):
        self.line = socket.create_connection(("127.0.0.1", http_port), timeout=10)
        ids = ",".join(str(detector.id) for detector in detectors)
        request = (
            f"GET /api/v1/live?detector={ids} HTTP/1.0\r\nHost: 127.0.0.1:{http_port}\r\n"
            f"Accept: text/event-stream\r\nCookie: {cookies}\r\n\r\n"
        )
        self.line.sendall(request.encode())
        self.rest = b""
        while b"\r\n\r\n" not in self.rest:
            self._more()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise SystemExit(f"the live stream was refused: {head.decode(errors='replace')}")

    def _more(self):
        some = self.line.recv(65536)
        if not some:
            raise SystemExit("the live stream ended")
        self.rest += some

    def events(self):
        """What came, as (name, data)."""
        self._more()
        *whole, self.rest = self.rest.split(b"\n\n")
        for event in whole:
            fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if b": " in line)
            yield fields.get(b"event", b"").decode(), fields.get(b"data", b"")


def quantiles(taken_s):
    ms = sorted(value * 1000 for value in taken_s)
    if not ms:
        return {"count": 0, "p50_ms": None, "p99_ms": None, "max_ms": None}
    at = lambda share: ms[min(len(ms) - 1, int(share * len(ms)))]
    return {"count": len(ms), "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": ms[-1]}


def measure(server, api, serials, per_s, seconds):
    """Probes at random moments, `per_s` in all, for `seconds`; then the rest has 5 s to come."""
    detectors = [Detector(api, server.field, serial) for serial in serials]
    by_id = {detector.id: detector for detector in detectors}
    stream = Stream(server.http, api.cookies(), detectors)
    selector = selectors.DefaultSelector()
    selector.register(stream.line, selectors.EVENT_READ, None)
    for detector in detectors:
        detector.line.setblocking(False)
        selector.register(detector.line, selectors.EVENT_READ, detector)
    values, alarms, gaps = [], [], 0
    chance = random.Random(7)
    begin = time.perf_counter()
    due, turn = begin, 0
    while (now := time.perf_counter()) < begin + seconds + 5:
        if due <= now < begin + seconds:
            detectors[turn % len(detectors)].send()
            turn += 1
            due += chance.uniform(0.5, 1.5) / per_s
        sending = now < begin + seconds
        waits = any(detector.values or detector.alarms for detector in detectors)
        if not sending and not waits:
            break
        for key, _ in selector.select(max(0.0, min(due - time.perf_counter(), 0.5)) if sending else 0.5):
            if key.data is not None:
                if not key.data.line.recv(4096):
                    raise SystemExit("the server closed a probe's line")
                continue
            for name, data in stream.events():
                now = time.perf_counter()
                if name == "gap":
                    gaps += 1
                elif name == "values":
                    event = json.loads(data)
                    detector = by_id[event["detector_id"]]
                    shown = next(int(c["value"]) for c in event["channels"] if c["id"] == detector.power)
                    # Two readings of one commit are one event with the newer value; the older waited as long.
                    for number in [number for number in detector.values if number <= shown]:
                        values.append(now - detector.values.pop(number))
                elif name == "alarm":
                    event = json.loads(data)
                    detector = by_id.get(event["detector_id"])
                    if detector and event["current_value"] is not None:
                        sent = detector.alarms.pop(round(event["current_value"]), None)
                        if sent is not None:
                            alarms.append(now - sent)
    lost = sum(len(detector.values) for detector in detectors)
    unseen = sum(len(detector.alarms) for detector in detectors)
    for detector in detectors:
        detector.line.close()
    stream.line.close()
    return {"values": quantiles(values), "alarms": quantiles(alarms), "lost": lost, "unseen": unseen, "gaps": gaps}
