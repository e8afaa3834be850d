"""Devices that nobody here wrote: mosquitto_pub, mosquitto_sub and paho speak MQTT 3.1.1 and 5 to the platform."""

import json
import socket
import ssl
import subprocess
import threading
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from conftest import Server, free_port, until

V3, V5 = mqtt.MQTTv311, mqtt.MQTTv5
BOTH = pytest.mark.parametrize("version", [V3, V5], ids=["3.1.1", "5.0"])


def certificate(folder, name):
    """A self-signed certificate and its key."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem"],
        check=True, capture_output=True)
    return f"{folder}/{name}.pem", f"{folder}/{name}.key"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mqtt")
    certificate(folder, "door")
    certificate(folder, "device")
    certificate(folder, "stranger")
    return folder


@pytest.fixture(scope="module")
def server(place, tmp_path_factory):
    tls = free_port()
    server = Server(tmp_path_factory.mktemp("data"), [
        f"mqtt.tls_listen=127.0.0.1:{tls}",
        f"mqtt.certificate={place}/door.pem", f"mqtt.key={place}/door.key",
        "mqtt.foreign_topics=[\"v1/devices/{serial}/telemetry\"]",
        "mqtt.max_failures_per_minute=100000",
    ])
    server.tls = tls
    server.set_up()
    yield server
    server.stop()


class Device:
    """A registered device with its token."""

    def __init__(self, server, serial, profile="telemetry-generic", address=None):
        self.server, self.serial = server, serial
        organisation = server.api.get("/organisations")[0]["id"]
        made = server.api.post("/terminals", {"serial": serial, "protocol": "telemetry", "detectors": [{
            "profile_id": profile, "address": address, "name": f"detector of {serial}",
            "new_site": {"name": f"site of {serial}", "area_code": "430202", "organisation_id": organisation},
        }]})
        self.terminal, self.detector = made["terminal_id"], made["detector_ids"][0]
        issued = server.api.post(f"/terminals/{self.terminal}/credentials", {"kind": "token"})
        self.token, self.credential = issued["secret"], issued["credential"]["id"]

    def topic(self, what):
        return f"emberwatch/1/{self.serial}/{what}"

    def value(self, quantity="residual_current"):
        channels = self.server.api.get(f"/detectors/{self.detector}")["channels"]
        return next(channel for channel in channels if channel["quantity"] == quantity)["value"]

    def shows(self, value, quantity="residual_current"):
        until(f"{value}", 15, lambda: self.value(quantity) == value)

    def events(self):
        return self.server.api.get(f"/terminals/{self.terminal}")["events"]

    def connected(self):
        return self.server.api.get(f"/terminals/{self.terminal}")["connected"]


class Peer:
    """paho, with what it heard written down."""

    def __init__(self, device, version=V5, client_id="", clean=True, password=None, port=None, tls=None, keep_alive=60, will=None, expiry_s=0):
        kind = {"clean_session": clean} if version == V3 else {}
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version, reconnect_on_failure=False, **kind)
        self.client.username_pw_set(device.serial, device.token if password is None else password)
        self.said, self.acked, self.lost, self.code, self.session_present = [], [], [], None, None
        self.answered = threading.Event()
        self.client.on_connect = self._on_connect
        self.client.on_publish = lambda _c, _u, mid, code, _p: self.acked.append((mid, code))
        self.client.on_disconnect = lambda _c, _u, _f, code, _p: self.lost.append(code)
        self.client.on_message = lambda _c, _u, message: self.said.append(message)
        self.granted = []
        self.client.on_subscribe = lambda _c, _u, _mid, codes, _p: self.granted.append(codes)
        if will:
            self.client.will_set(*will)
        if tls:
            self.client.tls_set_context(tls)
        more = {}
        if version == V5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = expiry_s
            more = {"clean_start": clean, "properties": properties}
        self.client.connect("127.0.0.1", port or device.server.mqtt, keepalive=keep_alive, **more)
        self.client.loop_start()
        assert self.answered.wait(10), "no CONNACK"

    def _on_connect(self, _client, _user, flags, code, _properties):
        self.code, self.session_present = code, flags.session_present
        self.answered.set()

    def publish(self, topic, payload, qos=1, wait=True):
        text = payload if isinstance(payload, (bytes, str)) else json.dumps(payload)
        info = self.client.publish(topic, text, qos)
        if wait:
            info.wait_for_publish(15)
            assert info.is_published()
        return info

    def subscribe(self, topic, qos=1):
        before = len(self.granted)
        self.client.subscribe(topic, qos)
        until("SUBACK", 10, lambda: len(self.granted) > before)
        return self.granted[-1]

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()

    def die(self):
        """The line is lost without a goodbye."""
        self.client.loop_stop()
        self.client.socket().shutdown(socket.SHUT_RDWR)


def values(residual, **more):
    return {"v": 1, "values": {"residual": residual}, **more}


@pytest.fixture(scope="module")
def device(server):
    return Device(server, "MQTT-0001")


@BOTH
@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_reading_of_paho_appears_whatever_the_version_and_service_level(device, version, qos):
    peer = Peer(device, version)
    wanted = 10.5 + qos + (100 if version == V5 else 0)
    peer.publish(device.topic("telemetry"), values(wanted), qos)
    device.shows(wanted)
    peer.leave()


@BOTH
def test_many_in_flight_come_back_acked_in_order(device, version):
    peer = Peer(device, version)
    base = int(time.time() * 1000) - 100_000
    infos = [peer.publish(device.topic("telemetry"), values(n, at=base + n * 100), 1, wait=False) for n in range(150)]
    for info in infos:
        info.wait_for_publish(30)
    assert [mid for mid, _ in peer.acked] == [info.mid for info in infos]
    assert all(not code.is_failure for _, code in peer.acked)
    peer.leave()


def test_mosquitto_pub_of_both_versions(server, device):
    for version, residual in (("311", 21), ("5", 22)):
        for qos in ("0", "1", "2"):
            value = residual + int(qos) / 10
            subprocess.run(
                ["mosquitto_pub", "-V", version, "-p", str(server.mqtt), "-u", device.serial, "-P", device.token,
                 "-i", f"m{version}", "-q", qos, "-t", device.topic("telemetry"), "-m", json.dumps(values(value))],
                check=True, timeout=20)
            device.shows(value)


@BOTH
def test_wrong_password_unknown_serial_and_no_name(server, device, version):
    assert Peer(device, version, password="guess").code.is_failure
    nobody = type("Nobody", (), {"server": server, "serial": f"UNKNOWN-{version}", "token": "x"})()
    refused = Peer(nobody, version)
    assert refused.code.is_failure
    until("the unknown serial is pending", 20, lambda: [
        item for item in server.api.get("/pending")["items"] if item["serial"] == nobody.serial and item["protocol"] == "telemetry"])
    nameless = type("Nameless", (), {"server": server, "serial": "", "token": ""})()
    assert Peer(nameless, version).code.is_failure


def test_a_device_may_not_speak_for_another(server, device):
    other = Device(server, "MQTT-0002")
    peer = Peer(device, V5)
    info = peer.publish(other.topic("telemetry"), values(66.6), 1, wait=False)
    until("the refusal", 10, lambda: [code for mid, code in peer.acked if mid == info.mid and code.value == 0x87])
    peer.leave()
    old = Peer(device, V3)
    old.publish(other.topic("telemetry"), values(66.6), 1, wait=False)
    until("the old version has no word for it: closed", 10, lambda: old.lost)
    old.client.loop_stop()
    assert other.value() is None


@BOTH
def test_a_device_hears_only_its_own_topics(device, version):
    peer = Peer(device, version)
    for topic in ("#", "emberwatch/1/MQTT-0002/command", "emberwatch/1/+/command", "$SYS/#"):
        assert peer.subscribe(topic)[0].is_failure, topic
    assert not peer.subscribe(device.topic("command"))[0].is_failure
    assert not peer.subscribe("sys/server/pk/" + device.serial)[0].is_failure
    peer.leave()


def test_a_last_will_is_kept_with_the_terminal(device):
    for peer_ends, is_told in ((Peer.leave, False), (Peer.die, True)):
        text = f"power lost {is_told}"
        before = len([e for e in device.events() if e["event"] == "disconnected"])
        peer = Peer(device, V5, will=("anywhere/at/all", text))
        peer.publish(device.topic("telemetry"), values(31))
        peer_ends(peer)
        until("disconnected", 15, lambda: not device.connected())
        told = until("the event", 10, lambda: (
            lambda ends: ends if len(ends) > before else None)([e for e in device.events() if e["event"] == "disconnected"]))
        assert (text in told[0]["detail"]) == is_told, told[0]


@BOTH
def test_a_newer_connection_takes_over(device, version):
    first = Peer(device, version, client_id="twice")
    second = Peer(device, version, client_id="twice")
    until("the first is closed", 10, lambda: first.lost)
    if version == V5:
        assert first.lost[0].value == 0x8E
    second.publish(device.topic("telemetry"), values(41))
    until("it is told", 10, lambda: [e for e in device.events() if e["event"] == "replaced"])
    first.client.loop_stop()
    second.leave()


@BOTH
def test_a_session_is_kept_for_who_wants_it(device, version):
    first = Peer(device, version, client_id="kept", clean=True)
    first.leave()
    again = Peer(device, version, client_id="kept", clean=False, expiry_s=600)
    assert not again.session_present
    again.subscribe(device.topic("command"))
    again.leave()
    until("gone", 10, lambda: not device.connected())
    third = Peer(device, version, client_id="kept", clean=False, expiry_s=600)
    assert third.session_present
    third.leave()


def test_a_silent_device_is_closed_after_one_and_a_half_keep_alives(server, device):
    with socket.create_connection(("127.0.0.1", server.mqtt), timeout=10) as line:
        def text(words):
            return len(words).to_bytes(2, "big") + words.encode()
        body = text("MQTT") + b"\x04\xc2" + (2).to_bytes(2, "big") + text("silent") + text(device.serial) + text(device.token)
        line.sendall(b"\x10" + bytes([len(body)]) + body)
        assert line.recv(4) == b"\x20\x02\x00\x00"
        began = time.monotonic()
        assert line.recv(1) == b""
        assert 2.5 < time.monotonic() - began < 6


def test_tls_with_token_and_with_certificate(server, place, device):
    def context(client=None):
        made = ssl.create_default_context(cafile=f"{place}/door.pem")
        if client:
            made.load_cert_chain(f"{place}/{client}.pem", f"{place}/{client}.key")
        return made
    peer = Peer(device, V5, port=server.tls, tls=context())
    peer.publish(device.topic("telemetry"), values(51))
    device.shows(51)
    peer.leave()
    pem = (place / "device.pem").read_text()
    server.api.post(f"/terminals/{device.terminal}/credentials", {"kind": "certificate", "pem": pem})
    shown = Peer(device, V3, port=server.tls, tls=context("device"), password="not needed")
    shown.publish(device.topic("telemetry"), values(52))
    device.shows(52)
    shown.leave()
    assert Peer(device, V3, port=server.tls, tls=context("stranger"), password="guess").code.is_failure


def test_a_renewed_certificate_is_taken_without_a_restart(server, place):
    before = ssl.get_server_certificate(("127.0.0.1", server.tls))
    certificate(place, "door")
    until("the new certificate", 40, lambda: ssl.get_server_certificate(("127.0.0.1", server.tls)) != before)


def test_a_revoked_token_opens_nothing_and_its_line_is_closed(server):
    device = Device(server, "MQTT-0003")
    peer = Peer(device, V5)
    peer.publish(device.topic("telemetry"), values(1))
    server.api.call("DELETE", f"/terminals/{device.terminal}/credentials/{device.credential}")
    until("closed", 10, lambda: peer.lost)
    peer.client.loop_stop()
    assert Peer(device, V5).code.is_failure


def test_what_is_no_reading_is_refused_and_the_line_goes_on(server, device):
    peer = Peer(device, V5)
    for wrong in (b"hello", b"{", json.dumps({"v": 1, "values": {"nothing we know": 1}}), b"\xff" * 1000):
        info = peer.publish(device.topic("telemetry"), wrong, 1, wait=False)
        until("refused", 10, lambda: [code for mid, code in peer.acked if mid == info.mid and code.value == 0x99])
    peer.publish(device.topic("telemetry"), values(61))
    device.shows(61)
    items = server.api.get(f"/detectors/{device.detector}/telegrams?limit=50")["items"]
    assert any(item["refused"] for item in items), items[:2]
    peer.leave()


@BOTH
def test_a_packet_that_is_too_big_closes_only_its_own_line(server, device, version):
    peer = Peer(device, version)
    peer.publish(device.topic("telemetry"), b"x" * 300_000, 1, wait=False)
    until("closed", 15, lambda: peer.lost)
    peer.client.loop_stop()
    again = Peer(device, version)
    again.publish(device.topic("telemetry"), values(71))
    device.shows(71)
    again.leave()


def test_noise_harms_nobody(server, device):
    for junk in (b"\x00" * 5000, b"GET / HTTP/1.1\r\n\r\n", b"\x30\x05\x00\x01a12", b"\x10\xff\xff\xff\x7f", b"\x10\x00", b"\xff" * 100):
        with socket.create_connection(("127.0.0.1", server.mqtt), timeout=15) as line:
            try:
                line.sendall(junk)
                line.settimeout(15)
                assert line.recv(10) in (b"",), junk
            except ConnectionError:
                pass
    peer = Peer(device, V5)
    peer.publish(device.topic("telemetry"), values(81))
    device.shows(81)
    peer.leave()


def test_the_vendors_form_logs_in_asks_the_time_and_reports(server):
    device = Device(server, "AC20260001", profile="acrel-mqtt", address="3_1")
    peer = Peer(device, V3)
    for group in ("sys/server", "data/down", "indicate/server", "notify/server"):
        peer.subscribe(f"{group}/pk7/{device.serial}")

    def ask(topic, message):
        before = len(peer.said)
        peer.publish(f"{topic}/pk7/{device.serial}", message)
        until("the answer", 10, lambda: len(peer.said) > before)
        answer = json.loads(peer.said[-1].payload)
        assert (answer["msgid"], answer["method"], answer["res"]) == (message["msgid"], message["method"], 1)
        return answer

    now = int(time.time())
    ask("sys/dev", {"msgid": "1", "method": "login", "sn": device.serial, "timestamp": now,
                    "payload": {"compress": "0", "encrypt": "0", "softversion": "2.1"}})
    told = ask("sys/dev", {"msgid": 2, "method": "time", "timestamp": now, "payload": {"devicesend": 5}})["payload"]
    assert told["devicesend"] == 5 and told["timezoneMin"] == 480 and abs(told["serversend"] / 1000 - now) < 60
    ask("data/up", {"msgid": "12345678901234567890", "method": "report", "sn": device.serial, "timestamp": now, "payload": {
        "reported": {"source": "REALTIME", "meters": [{"addr": "3_1", "state": "ONLINE", "Ua": "231.5", "IL": 91}]}}})
    device.shows(91)
    device.shows(231.5, "voltage")
    ask("notify/dev", {"msgid": "4", "method": "alert", "timestamp": now + 1, "payload": {"addr": "3_1", "code": "UaHIGH1"}})
    until("the alarm", 30, lambda: server.api.get(f"/alarms?detector={device.detector}&state=open")["items"])
    peer.leave()
