"""A real Mosquitto between devices and the platform: heard and commanded through it, with TLS and a certificate."""

import json
import socket
import sqlite3
import subprocess
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from conftest import PASSWORD, Server, free_port, until
from test_mqtt import Device, values

OPEN = "allow_anonymous true"


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Broker:
    """Mosquitto in a folder of its own: devices come in at `port`, the platform at `door` with TLS and a certificate."""

    def __init__(self, folder):
        self.folder, self.port, self.door = folder, free_port(), free_port()
        (folder / "broker.conf").write_text("\n".join([
            "per_listener_settings true", "persistence true", f"persistence_location {folder}/", "autosave_on_changes true", "autosave_interval 1", "user root",
            f"listener {self.port} 127.0.0.1", OPEN,
            f"listener {self.door} 127.0.0.1", "allow_anonymous false", f"password_file {folder}/passwords",
            f"cafile {folder}/ca.pem", f"certfile {folder}/broker.pem", f"keyfile {folder}/broker.key", "require_certificate true",
        ]) + "\n")
        subprocess.run(["mosquitto_passwd", "-b", "-c", f"{folder}/passwords", "platform", "a-password"], check=True, capture_output=True)
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=authority",
                "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.pem")
        for name in ("broker", "platform"):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
                    "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.csr")
            (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
            openssl("x509", "-req", "-in", f"{folder}/{name}.csr", "-CA", f"{folder}/ca.pem", "-CAkey", f"{folder}/ca.key", "-CAcreateserial",
                    "-days", "2", "-extfile", f"{folder}/names", "-out", f"{folder}/{name}.pem")
        self.process = None
        self.start()

    def start(self):
        with open(self.folder / "broker.log", "ab") as log:
            self.process = subprocess.Popen(["/usr/sbin/mosquitto", "-c", str(self.folder / "broker.conf")], stdout=log, stderr=log)
        until("the broker", 10, lambda: listens(self.port) and listens(self.door))

    def stop(self):
        self.process.terminate()
        self.process.wait(10)

    def platform(self, **more):
        """The settings with which the platform comes in."""
        settings = {"address": f"127.0.0.1:{self.door}", "tls": "true", "authority": f"{self.folder}/ca.pem",
                    "certificate": f"{self.folder}/platform.pem", "key": f"{self.folder}/platform.key",
                    "user_name": "platform", "password": "a-password", "retry_max_s": 1, **more}
        return ["mqtt.listen=", "mqtt.command_within_s=2", *(f"mqtt.client.{key}={value}" for key, value in settings.items())]

    def publish(self, serial, payload):
        subprocess.run(["mosquitto_pub", "-p", str(self.port), "-q", "1", "-t", f"emberwatch/1/{serial}/telemetry", "-m", json.dumps(payload)],
                       check=True, timeout=20)


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Listener:
    """A device at the broker that hears its commands, and answers them while it is told to."""

    def __init__(self, broker, serial, answers=True):
        self.serial, self.answers, self.heard = serial, answers, []
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=serial, protocol=mqtt.MQTTv5)
        self.client.on_message = self._on_message
        self.subscribed = []
        self.client.on_connect = lambda client, *_: client.subscribe(f"emberwatch/1/{serial}/command", 1)
        self.client.on_subscribe = lambda *_: self.subscribed.append(True)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 600
        self.client.connect("127.0.0.1", broker.port, clean_start=False, properties=properties)
        self.client.loop_start()
        until("SUBACK", 10, lambda: self.subscribed)

    def _on_message(self, client, _userdata, message):
        for command in json.loads(message.payload)["commands"]:
            self.heard.append(command)
            if self.answers:
                answer = {"v": 1, "answers": [{"id": command["id"], "ok": True}]}
                client.publish(f"emberwatch/1/{self.serial}/answer", json.dumps(answer), 1)

    def leave(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def broker(tmp_path):
    broker = Broker(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def server(broker, tmp_path):
    server = Server(tmp_path / "data", broker.platform())
    server.set_up()
    yield server
    server.stop()


def arrives(broker, device, value):
    """The platform may still be on its way to a broker that keeps nothing for whom it does not know yet."""
    def arrived():
        broker.publish(device.serial, values(value))
        return device.value() == value
    until(f"{value} through the broker", 30, arrived)


def state_after(server, device, kind, *wanted):
    made = server.api.post("/commands", {"detector_id": device.detector, "kind": kind})
    return until(f"{kind}: {wanted}", 30, lambda: (lambda c: c if c["state"] in wanted else None)(server.api.get(f"/commands/{made['id']}")))


def test_a_device_behind_a_broker_with_tls_is_heard_commanded_and_answers(broker, server):
    device = Device(server, "BROKER-1")
    assert not device.connected()
    arrives(broker, device, 55.5)
    until("a line", 10, device.connected)
    peer = Listener(broker, device.serial)
    done = state_after(server, device, "self_test", "acknowledged", "verified")
    assert [command["name"] for command in peer.heard] == ["self_test"], done
    broker.publish("BROKER-2", values(1))
    until("the unknown one is pending", 20, lambda: [i for i in server.api.get("/pending")["items"] if i["serial"] == "BROKER-2"])
    peer.leave()


def test_after_the_broker_was_away_all_goes_on(broker, server):
    device = Device(server, "BROKER-3")
    arrives(broker, device, 11)
    broker.stop()
    until("the line is over", 20, lambda: not device.connected())
    (broker.folder / "mosquitto.db").unlink(missing_ok=True)
    broker.start()
    arrives(broker, device, 12)
    peer = Listener(broker, device.serial)
    state_after(server, device, "self_test", "acknowledged", "verified")
    peer.leave()
    events = [event["event"] for event in device.events()]
    assert events.count("connected") >= 2 and "disconnected" in events


def test_a_command_that_nobody_took_in_time_reaches_nobody_later(broker, server):
    device = Device(server, "BROKER-4")
    arrives(broker, device, 21)
    Listener(broker, device.serial).leave()
    late = state_after(server, device, "mute", "failed", "outcome_unknown", "not_verified")
    assert late["outcome"] == "no_answer"
    again = Listener(broker, device.serial)
    done = state_after(server, device, "self_test", "acknowledged", "verified")
    assert [command["name"] for command in again.heard] == ["self_test"], done
    again.leave()


def test_what_was_not_on_disk_when_the_platform_died_comes_again(broker, tmp_path):
    server = Server(tmp_path / "data", broker.platform())
    server.set_up()
    device = Device(server, "BROKER-5")
    arrives(broker, device, 1)
    base = 1_000 * (int(time.time()) - 600)
    sender = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    sender.connect("127.0.0.1", broker.port)
    sender.loop_start()
    sent = [sender.publish(f"emberwatch/1/{device.serial}/telemetry", json.dumps(values(100 + n, at=base + n * 100)), 1) for n in range(300)]
    sent[20].wait_for_publish(10)
    server.process.kill()
    server.process.wait(10)
    for info in sent:
        info.wait_for_publish(30)
    sender.disconnect()
    sender.loop_stop()
    server = Server(tmp_path / "data", broker.platform())
    server.api.post("/session", {"login": "admin", "password": PASSWORD})
    server.api.csrf = server.api.get("/session")["csrf_token"]
    device.server = server
    until("all 300", 40, lambda: len(stored(tmp_path / "data", device, base)) >= 300)
    assert stored(tmp_path / "data", device, base) == [base + n * 100 for n in range(300)]
    server.stop()


def test_readings_of_one_moment_with_other_values_are_both_kept_and_once(broker, server, tmp_path):
    device = Device(server, "BROKER-6")
    arrives(broker, device, 1)
    at = 1_000 * (int(time.time()) - 300)
    for value in (71, 72, 71, 72):
        broker.publish(device.serial, values(value, at=at))
    broker.publish(device.serial, values(73, at=at + 100))
    until("the last one", 20, lambda: at + 100 in stored(tmp_path / "data", device, at))
    assert stored(tmp_path / "data", device, at) == [at, at + 1, at + 100]


def stored(data, device, since):
    """The moments under which readings of the minute from `since` on are on disk."""
    with sqlite3.connect(f"file:{data}/emberwatch.db?mode=ro", uri=True) as base:
        rows = base.execute("SELECT filed_at FROM reading WHERE detector_id = ? AND filed_at BETWEEN ? AND ? ORDER BY filed_at",
                            (device.detector, since, since + 60_000))
        return [at for at, in rows]


def test_a_platform_without_its_certificate_is_not_let_in(broker, tmp_path):
    server = Server(tmp_path / "data", broker.platform(certificate="", key=""))
    try:
        until("the refusal is told", 20, lambda: [line for line in server.lines if "the broker is lost" in line])
    finally:
        server.stop()


def test_the_older_version_is_heard_and_not_commanded(broker, tmp_path):
    server = Server(tmp_path / "data", broker.platform(version='"3.1.1"'))
    server.set_up()
    try:
        device = Device(server, "BROKER-7")
        arrives(broker, device, 31)
        refused = state_after(server, device, "self_test", "failed", "refused")
        assert refused["outcome"] == "unsupported"
    finally:
        server.stop()
