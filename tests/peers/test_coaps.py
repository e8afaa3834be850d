"""The CoAP door behind DTLS, spoken to by libcoap over GnuTLS and by OpenSSL: nobody here wrote the clients."""

import json
import os
import re
import subprocess
import time

import pytest

from conftest import coaps, telemetry_terminal, until

SERIAL = "LIBCOAP-0001"
KEY = "a key of 16 B or more"


@pytest.fixture(scope="module")
def device(server):
    return telemetry_terminal(server, SERIAL, KEY)


def ask(server, path, *, identity=SERIAL, key=KEY, **request):
    return coaps(server, path, identity, key, **request)


def message(**values):
    return json.dumps({"v": 1, "at": int(time.time() * 1000), "values": values}, separators=(",", ":"))


def residual(server, device):
    channels = server.api.get(f"/detectors/{device['detector']}")["channels"]
    return next(channel["value"] for channel in channels if channel["quantity"] == "residual_current")


def test_a_reading_without_a_token(server, device):
    said = ask(server, "/t", payload=message(residual=21.5))
    assert "2.04" in said, said
    until("21.5 mA", 20, lambda: residual(server, device) == 21.5)


def test_the_path_may_name_the_key_s_own_terminal_only(server, device):
    said = ask(server, f"/t/{SERIAL}", payload=message(residual=22.5))
    assert "2.04" in said, said
    said = ask(server, "/t/AIOCOAP-0001", payload=message(residual=1))
    assert "4.01" in said and "2.04" not in said, said


def test_blocks_and_commands(server, device):
    now = int(time.time() * 1000)
    batch = json.dumps({"v": 1, "readings": [
        {"at": now + n, "values": {"residual": n + 0.5}} for n in range(60)]}, separators=(",", ":"))
    assert len(batch) > 2 * 1024
    said = ask(server, "/t", payload=batch)
    assert "2.04" in said, said
    until("59.5 mA", 20, lambda: residual(server, device) == 59.5)
    assert '{"v":1,"commands":[]}' in ask(server, "/t", method="get")


def test_a_wrong_key_and_a_stranger_are_not_heard(server, device):
    said = ask(server, "/t", key="another key of 16 B", payload=message(residual=1), within_s=4)
    assert "2.04" not in said and "4.01" not in said, said
    ask(server, "/t", identity="COAPS-NEW", payload=message(residual=1), within_s=4)
    until("the unknown one waits", 20, lambda: [
        item for item in server.api.get("/pending")["items"] if item["serial"] == "COAPS-NEW"])


def test_openssl_takes_the_handshake(server, device):
    command = ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{server.doors['coaps']}",
               "-psk_identity", SERIAL, "-psk", KEY.encode().hex(), "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = b""
    try:
        while b"Extended master secret" not in said:
            part = os.read(client.stdout.fileno(), 4096)
            assert part, said.decode()
            said += part
    finally:
        client.kill()
        client.wait()
    text = said.decode()
    assert re.search(r"Cipher is PSK-AES128-CCM8", text) and "Extended master secret: yes" in text, text


def test_a_revoked_key_is_refused_in_an_open_session_and_in_a_new_one(server, device):
    credentials = server.api.get(f"/terminals/{device['terminal']}/credentials")["credentials"]
    server.api.call("DELETE", f"/terminals/{device['terminal']}/credentials/{credentials[0]['id']}")
    said = ask(server, "/t", payload=message(residual=1), within_s=4)
    assert "2.04" not in said, said
