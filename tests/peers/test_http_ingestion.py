"""The ingestion door, spoken to by curl: nobody here wrote the client."""

import base64
import json
import subprocess
import time

import pytest

from conftest import until

SERIAL = "CURL-0001"


def curl(*arguments, body=None, timeout=30):
    """Status, headers and body of one request."""
    command = ["curl", "--silent", "--show-error", "--max-time", str(timeout), "--include", *arguments]
    if body is not None:
        command += ["--data-binary", "@-"]
    done = subprocess.run(command, input=body, capture_output=True, timeout=timeout + 5)
    text = done.stdout.decode()
    while text.startswith("HTTP/1.1 100"):
        text = text.split("\r\n\r\n", 1)[1]
    head, _, rest = text.partition("\r\n\r\n")
    status = int(head.split(" ", 2)[1]) if head else 0
    headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
    return status, headers, rest


@pytest.fixture(scope="module")
def door(server):
    return f"http://127.0.0.1:{server.doors['http']}"


@pytest.fixture(scope="module")
def device(server):
    """A registered terminal with a token, and its detector."""
    organisation = server.api.get("/organisations")[0]["id"]
    made = server.api.post("/terminals", {
        "serial": SERIAL, "protocol": "telemetry",
        "detectors": [{
            "profile_id": "telemetry-generic", "name": "Combined detector",
            "new_site": {"name": "Curl shop", "address": "2 Test Road", "area_code": "430202", "organisation_id": organisation,
                         "premises_kind": "retail_cluster", "lon": 113.15, "lat": 27.85, "zone": "Asia/Shanghai"},
            "new_panel": {"name": "P1"},
            "new_circuit": {"name": "C1", "rated_current_a": 63, "phases": 3},
        }],
    })
    issued = server.api.post(f"/terminals/{made['terminal_id']}/credentials", {"kind": "token"})
    return {"token": issued["secret"], "detector": made["detector_ids"][0], "terminal": made["terminal_id"]}


def headers(device, *more, token=None):
    named = [f"Authorization: Bearer {token or device['token']}", f"X-Terminal-Serial: {SERIAL}", *more]
    return [part for header in named for part in ("--header", header)]


def message(**values):
    return json.dumps({"v": 1, "at": int(time.time() * 1000), "values": values}).encode()


def value(server, device, quantity):
    channels = server.api.get(f"/detectors/{device['detector']}")["channels"]
    return next(channel["value"] for channel in channels if channel["quantity"] == quantity)


def test_a_reading_arrives_exactly(server, door, device):
    status, _, body = curl(*headers(device, "Content-Type: application/json"), f"{door}/ingest/v1/readings",
                           body=message(residual=12.3, temperature_a="41.5"))
    assert (status, json.loads(body)) == (200, {"v": 1, "readings": 1, "answers": 0, "refused": []})
    until("12.3 mA", 20, lambda: value(server, device, "residual_current") == 12.3)
    assert value(server, device, "conductor_temperature") == 41.5


def test_a_batch_and_the_serial_in_the_path(server, door, device):
    now = int(time.time() * 1000)
    batch = json.dumps({"v": 1, "readings": [
        {"at": now - 2000, "values": {"residual": 20}},
        {"at": now - 1000, "values": {"residual": 21}},
        {"at": now, "values": {"residual": 22}},
        {"at": now, "address": "nobody", "values": {"residual": 1}},
    ]}).encode()
    status, _, body = curl("--header", f"Authorization: Bearer {device['token']}",
                           f"{door}/ingest/v1/terminals/{SERIAL}/readings", body=batch)
    answer = json.loads(body)
    assert (status, answer["readings"], answer["refused"][0]["part"]) == (200, 3, "readings[3]")
    until("22 mA", 20, lambda: value(server, device, "residual_current") == 22)


def test_cbor(server, door, device):
    # {"v": 1, "values": {"residual": 4([-1, 305])}}: 30.5 as a decimal fraction.
    cbor = bytes.fromhex("a2 61 76 01 66 76616c756573 a1 68 726573696475616c c4 82 20 19 0131")
    status, _, body = curl(*headers(device, "Content-Type: application/cbor"), f"{door}/ingest/v1/readings", body=cbor)
    assert status == 200, body
    until("30.5 mA", 20, lambda: value(server, device, "residual_current") == 30.5)


def test_a_key_makes_a_message_one(server, door, device):
    body = json.dumps({"v": 1, "values": {"residual": 33}}).encode()
    before = counter(server, "readings_confirmed")
    first = curl(*headers(device, "Idempotency-Key: k-1"), f"{door}/ingest/v1/readings", body=body)
    again = curl(*headers(device, "Idempotency-Key: k-1"), f"{door}/ingest/v1/readings", body=body)
    assert (first[0], first[2]) == (again[0], again[2])
    assert again[1]["idempotency-replayed"] == "true"
    assert counter(server, "readings_confirmed") - before == 1
    status, _, text = curl(*headers(device, "Idempotency-Key: k-1"), f"{door}/ingest/v1/readings", body=message(residual=1))
    assert (status, json.loads(text)["code"]) == (422, "key_of_another_message")


def counter(server, name):
    """A number of the process, wherever the facts of the system hold it."""
    def find(facts):
        if isinstance(facts, dict):
            if isinstance(facts.get(name), int):
                return facts[name]
            if facts.get("name") == name:
                return facts.get("value", facts.get("count"))
            facts = list(facts.values())
        if isinstance(facts, list):
            return next((found for found in map(find, facts) if found is not None), None)
        return None
    found = find(server.api.get("/system"))
    assert found is not None, f"no {name} among the facts of the system"
    return found


def test_a_wrong_token_and_an_unknown_serial_look_the_same(server, door, device):
    answers = [
        curl(*headers(device, token="wrong"), f"{door}/ingest/v1/readings", body=message(residual=1)),
        curl("--header", "Authorization: Bearer x", f"{door}/ingest/v1/terminals/CURL-NEW/readings", body=message(residual=1)),
    ]
    assert [status for status, _, _ in answers] == [401, 401]
    assert answers[0][2] == answers[1][2]
    assert answers[0][1]["content-type"] == "application/problem+json"
    until("the unknown one waits", 20, lambda: [
        item for item in server.api.get("/pending")["items"] if item["serial"] == "CURL-NEW"])


def test_too_long_too_slow_and_unreadable(server, door, device):
    status, answered, _ = curl(*headers(device, "Expect:"), f"{door}/ingest/v1/readings", body=b"x" * 300_000)
    assert status == 413
    status, _, text = curl(*headers(device), f"{door}/ingest/v1/readings", body=b'{"v":1,"valeus":{}}')
    assert status == 422 and "valeus" in json.loads(text)["detail"]
    # A body that comes at 20 bytes a second is given up.
    started = time.monotonic()
    status, _, _ = curl(*headers(device), "--limit-rate", "20", "--no-buffer", f"{door}/ingest/v1/readings",
                        body=b'{"v":1,"values":{"residual":' + b" " * 20_000 + b"1}}", timeout=60)
    assert status in (408, 0) and time.monotonic() - started < 55
    status, _, _ = curl(*headers(device), f"{door}/ingest/v1/readings", body=message(residual=24))
    assert status == 200, "others are unharmed"


def test_commands_are_polled(server, door, device):
    status, _, text = curl(*headers(device), f"{door}/ingest/v1/commands?wait_s=1")
    assert (status, json.loads(text)) == (200, {"v": 1, "commands": []})


def test_a_carriers_push(tmp_path):
    from conftest import Server
    key = "a-key-of-a-carrier-0001"
    server = Server(tmp_path / "data", [f"ingest.ctwing.key={key}", f"ingest.onenet.key={key}", "ingest.onenet.token=token"])
    try:
        server.set_up()
        door = f"http://127.0.0.1:{server.doors['http']}"
        payload = bytes([1, 0, 1, 0x2C, 1, 0x9A, 1, 0x9A, 1, 0x9A, 1, 0x9A, 19, 1, 8, 0x98, 4, 0xD2, 12, 0xE4])
        push = json.dumps({"messageType": "dataReport", "timestamp": int(time.time() * 1000), "IMEI": "860000000000001",
                           "payload": {"APPdata": base64.b64encode(payload).decode()}}).encode()
        status, _, text = curl(f"{door}/push/ctwing/{key}", body=push)
        assert (status, json.loads(text)) == (200, {"taken": 0, "noted": 1})
        until("the IMEI waits", 20, lambda: [
            item for item in server.api.get("/pending")["items"] if item["serial"] == "860000000000001"])
        assert curl(f"{door}/push/ctwing/a-key-of-a-carrier-0002", body=push)[0] == 404
        import hashlib
        signature = base64.b64encode(hashlib.md5(b"token" + b"n" + b"hello").digest()).decode()
        status, _, text = curl("--get", "--data-urlencode", "msg=hello", "--data-urlencode", "nonce=n",
                               "--data-urlencode", f"signature={signature}", f"{door}/push/onenet/{key}")
        assert (status, text) == (200, "hello")
        assert curl(f"{door}/push/onenet/{key}?msg=hello&nonce=n&signature=x")[0] == 401
    finally:
        server.stop()
