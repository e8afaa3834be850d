"""The CoAP door, spoken to by aiocoap: nobody here wrote the client."""

import asyncio
import json
import time

import aiocoap
import pytest

from conftest import until

SERIAL = "AIOCOAP-0001"
JSON, CBOR = 50, 60


@pytest.fixture(scope="module")
def device(server):
    """A registered terminal with a token, and its detector."""
    organisation = server.api.get("/organisations")[0]["id"]
    made = server.api.post("/terminals", {
        "serial": SERIAL, "protocol": "telemetry",
        "detectors": [{
            "profile_id": "telemetry-generic", "name": "Narrow-band detector",
            "new_site": {"name": "CoAP shop", "address": "3 Test Road", "area_code": "430202", "organisation_id": organisation,
                         "premises_kind": "retail_cluster", "lon": 113.15, "lat": 27.85, "zone": "Asia/Shanghai"},
            "new_panel": {"name": "P1"},
            "new_circuit": {"name": "C1", "rated_current_a": 63, "phases": 3},
        }],
    })
    issued = server.api.post(f"/terminals/{made['terminal_id']}/credentials", {"kind": "token"})
    return {"token": issued["secret"], "detector": made["detector_ids"][0]}


def ask(server, path, *, code=aiocoap.POST, payload=b"", content_format=None, confirmable=True):
    async def run():
        context = await aiocoap.Context.create_client_context()
        try:
            request = aiocoap.Message(
                code=code, uri=f"coap://127.0.0.1:{server.doors['coap']}{path}", payload=payload,
                transport_tuning=aiocoap.Reliable if confirmable else aiocoap.Unreliable)
            if content_format is not None:
                request.opt.content_format = content_format
            return await asyncio.wait_for(context.request(request).response, 30)
        finally:
            await context.shutdown()
    return asyncio.run(run())


def message(**values):
    return json.dumps({"v": 1, "at": int(time.time() * 1000), "values": values}).encode()


def residual(server, device):
    channels = server.api.get(f"/detectors/{device['detector']}")["channels"]
    return next(channel["value"] for channel in channels if channel["quantity"] == "residual_current")


def test_a_confirmable_reading(server, device):
    answer = ask(server, f"/t/{SERIAL}?k={device['token']}", payload=message(residual=12.3), content_format=JSON)
    assert answer.code == aiocoap.CHANGED, answer.payload
    until("12.3 mA", 20, lambda: residual(server, device) == 12.3)


def test_a_reading_that_is_not_confirmable(server, device):
    answer = ask(server, f"/t/{SERIAL}?k={device['token']}", payload=message(residual=13), confirmable=False)
    assert answer.code == aiocoap.CHANGED
    until("13 mA", 20, lambda: residual(server, device) == 13)


def test_cbor(server, device):
    cbor = bytes.fromhex("a2 61 76 01 66 76616c756573 a1 68 726573696475616c c4 82 20 19 0131")
    answer = ask(server, f"/ingest/v1/terminals/{SERIAL}/readings?token={device['token']}", payload=cbor, content_format=CBOR)
    assert answer.code == aiocoap.CHANGED, answer.payload
    until("30.5 mA", 20, lambda: residual(server, device) == 30.5)


def test_blocks(server, device):
    now = int(time.time() * 1000)
    batch = json.dumps({"v": 1, "readings": [
        {"at": now + n, "values": {"residual": n + 0.5}} for n in range(200)]}).encode()
    assert len(batch) > 5 * 1024
    answer = ask(server, f"/t/{SERIAL}?k={device['token']}", payload=batch, content_format=JSON)
    assert answer.code == aiocoap.CHANGED, answer.payload
    until("199.5 mA", 20, lambda: residual(server, device) == 199.5)


def test_strangers_and_mistakes(server, device):
    answer = ask(server, f"/t/{SERIAL}?k=wrong", payload=message(residual=1))
    assert (answer.code, answer.payload) == (aiocoap.UNAUTHORIZED, b"")
    answer = ask(server, "/t/COAP-NEW?k=x", payload=message(residual=1))
    assert answer.code == aiocoap.UNAUTHORIZED
    until("the unknown one waits", 20, lambda: [
        item for item in server.api.get("/pending")["items"] if item["serial"] == "COAP-NEW"])
    answer = ask(server, f"/t/{SERIAL}?k={device['token']}", payload=b'{"v":1,"valeus":{}}', content_format=JSON)
    assert answer.code == aiocoap.BAD_REQUEST and b"valeus" in answer.payload
    assert ask(server, "/nothing", payload=b"").code == aiocoap.NOT_FOUND
    assert ask(server, f"/t/{SERIAL}?k={device['token']}", payload=b"<a/>", content_format=41).code == aiocoap.UNSUPPORTED_CONTENT_FORMAT


def test_commands(server, device):
    answer = ask(server, f"/t/{SERIAL}?k={device['token']}", code=aiocoap.GET)
    assert answer.code == aiocoap.CONTENT
    assert json.loads(answer.payload) == {"v": 1, "commands": []}
