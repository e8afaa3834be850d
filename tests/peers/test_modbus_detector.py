"""A detector that nobody here wrote: pymodbus answers behind a raw TCP dialler, as behind a DTU."""

import asyncio
import contextlib
import socket
import threading

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from conftest import free_port, until

UNIT = 7
SERIAL = "PYMODBUS000001"
RESIDUAL, STATUS = 0x0000, 0x001B


class Detector:
    """pymodbus as an ASJ-type relay, and the dialler that carries its bytes to the platform."""

    def __init__(self, field_port):
        self.field_port = field_port
        self.modbus_port = free_port()
        self.registers = {}
        self.loop = asyncio.new_event_loop()
        self.started = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        assert self.started.wait(10)

    async def _action(self, _function, start, address, count, registers, _set_values):
        for asked in range(address, address + count):
            registers[asked - start] = self.registers.get(asked, 0)
        return None

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.create_task(self._serve())
        self.loop.run_forever()

    async def _serve(self):
        device = SimDevice(id=UNIT, simdata=[SimData(0, count=0x60, values=0, datatype=DataType.REGISTERS)], action=self._action)
        server = ModbusTcpServer(device, framer=FramerType.RTU, address=("127.0.0.1", self.modbus_port))
        await server.serve_forever(background=True)
        self.started.set()

    def dial(self):
        asyncio.run_coroutine_threadsafe(self._dial(), self.loop).result(10)

    async def _dial(self):
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self.field_port)
        modbus_reader, modbus_writer = await asyncio.open_connection("127.0.0.1", self.modbus_port)
        up_writer.write(SERIAL.encode() + b"\r\n")

        async def carry(reader, writer):
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(512):
                    writer.write(data)
                    await writer.drain()
            writer.close()

        self.tasks = [self.loop.create_task(carry(up_reader, modbus_writer)),
                      self.loop.create_task(carry(modbus_reader, up_writer))]

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.fixture(scope="module")
def detector(server):
    detector = Detector(server.field)
    detector.dial()
    yield detector
    detector.stop()


@pytest.fixture(scope="module")
def admitted(server, detector):
    pending = until("the dialler is pending", 20, lambda: [
        item for item in server.api.get("/pending")["items"] if item["serial"] == SERIAL])
    organisation = server.api.get("/organisations")[0]["id"]
    answer = server.api.post(f"/pending/{pending[0]['id']}/admit", {
        "detectors": [{
            "profile_id": "asj-relay", "unit_address": UNIT, "name": "Leakage relay",
            "new_site": {"name": "Peer shop", "address": "1 Test Road", "area_code": "430202", "organisation_id": organisation,
                         "premises_kind": "retail_cluster", "lon": 113.15, "lat": 27.85, "zone": "Asia/Shanghai"},
            "new_panel": {"name": "P1"},
            "new_circuit": {"name": "C1", "rated_current_a": 63, "phases": 3},
        }],
    })
    return answer["detector_ids"][0]


def residual(server, detector_id):
    channels = server.api.get(f"/detectors/{detector_id}")["channels"]
    return next(channel for channel in channels if channel["quantity"] == "residual_current")


def test_values_of_the_foreign_detector_arrive(server, detector, admitted):
    detector.registers[RESIDUAL] = 42
    channel = until("42 mA", 60, lambda: (
        lambda c: c if c["value"] == 42 else None)(residual(server, admitted)))
    assert channel["quality"] == "good" and channel["unit"] == "mA"


def test_a_leak_is_alarmed_acknowledged_and_latched(server, detector, admitted):
    detector.registers[RESIDUAL] = 640
    query = f"/alarms?detector={admitted}&hazard=residual_current&state=open"
    alarm = until("an alarm", 90, lambda: next(
        (item for item in server.api.get(query)["items"] if item["severity"] == "alarm"), None))
    assert alarm["worst_value"] == 640 and alarm["limit"] is not None
    taken = server.api.post(f"/alarms/{alarm['id']}/acknowledge", {"comment": "on my way"})
    assert taken["state"] == "acknowledged"
    detector.registers[RESIDUAL] = 20
    until("held for reset", 90, lambda: server.api.get(f"/alarms/{alarm['id']}")["state"] == "latched_acknowledged")
    assert server.api.post(f"/alarms/{alarm['id']}/reset", {})["state"] == "closed"


def test_what_the_device_itself_reports_is_told(server, detector, admitted):
    detector.registers[STATUS] = 0b100
    until("the broken transformer is a fault", 90, lambda: server.api.get(
        f"/alarms?detector={admitted}&hazard=sensor_open&state=open")["items"])
    detector.registers[STATUS] = 0


def test_every_telegram_is_in_the_log(server, detector, admitted):
    items = until("telegrams", 20, lambda: server.api.get(f"/detectors/{admitted}/telegrams?limit=20")["items"])
    assert {item["direction"] for item in items} == {"up", "down"}
    assert any(field["name"] == "crc" for item in items for field in item["fields"])


def test_noise_on_the_port_harms_nobody(server, detector, admitted):
    for junk in (b"\x00" * 4000, b"GET / HTTP/1.1\r\n\r\n", bytes.fromhex("7b7b") + b"\xff" * 5000):
        with socket.create_connection(("127.0.0.1", server.field), timeout=5) as hostile:
            with contextlib.suppress(ConnectionError):
                hostile.sendall(junk)
    detector.registers[RESIDUAL] = 33
    until("33 mA after the noise", 60, lambda: residual(server, admitted)["value"] == 33)
