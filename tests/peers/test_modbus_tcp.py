"""Modbus TCP with a device that nobody here wrote: pymodbus as a server that we dial, and behind a gateway that dials in."""

import asyncio
import contextlib
import threading

import pytest
from pymodbus import FramerType
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from conftest import Server, free_port, until

UNIT = 7
GATEWAY = "PYMODBUSTCP001"
RESIDUAL = 0x0000


class Device:
    """pymodbus as an ASJ-type relay over Modbus TCP, and the dialler that carries its bytes to the platform."""

    def __init__(self):
        self.port = free_port()
        self.registers = {}
        self.loop = asyncio.new_event_loop()
        self.tasks = []
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
        server = ModbusTcpServer(device, framer=FramerType.SOCKET, address=("127.0.0.1", self.port))
        await server.serve_forever(background=True)
        self.started.set()

    def dial(self, field_port):
        asyncio.run_coroutine_threadsafe(self._dial(field_port), self.loop).result(10)

    async def _dial(self, field_port):
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", field_port)
        modbus_reader, modbus_writer = await asyncio.open_connection("127.0.0.1", self.port)
        up_writer.write(GATEWAY.encode() + b"\r\n")

        async def carry(reader, writer):
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(512):
                    writer.write(data)
                    await writer.drain()
            writer.close()

        self.tasks += [self.loop.create_task(carry(up_reader, modbus_writer)),
                       self.loop.create_task(carry(modbus_reader, up_writer))]

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = ["field.dtu.gap_ms=20", 'modbus_tcp.may_dial=["127.0.0.1"]']
    server = Server(tmp_path_factory.mktemp("data"), settings)
    server.set_up()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def device():
    device = Device()
    yield device
    device.stop()


def register(server, serial, name):
    organisation = server.api.get("/organisations")[0]["id"]
    answer = server.api.post("/terminals", {
        "serial": serial, "protocol": "modbus_tcp",
        "detectors": [{
            "profile_id": "asj-relay", "unit_address": UNIT, "name": name,
            "new_site": {"name": name, "address": "1 Test Road", "area_code": "430202", "organisation_id": organisation,
                         "premises_kind": "retail_cluster", "lon": 113.15, "lat": 27.85, "zone": "Asia/Shanghai"},
            "new_panel": {"name": "P1"},
            "new_circuit": {"name": "C1", "rated_current_a": 63, "phases": 3},
        }],
    })
    return answer["terminal_id"], answer["detector_ids"][0]


def residual(server, detector_id):
    channels = server.api.get(f"/detectors/{detector_id}")["channels"]
    return next(channel for channel in channels if channel["quantity"] == "residual_current")


def shows(server, detector_id, value):
    until(f"{value} mA", 60, lambda: residual(server, detector_id)["value"] == value)
    assert residual(server, detector_id)["quality"] == "good"


def test_a_device_that_is_dialled_is_polled(server, device):
    device.registers[RESIDUAL] = 42
    _, detector = register(server, f"tcp://127.0.0.1:{device.port}", "Dialled relay")
    shows(server, detector, 42)
    device.registers[RESIDUAL] = 43
    shows(server, detector, 43)
    items = until("telegrams", 20, lambda: server.api.get(f"/detectors/{detector}/telegrams?limit=20")["items"])
    assert {item["direction"] for item in items} == {"up", "down"}


def test_a_gateway_that_dials_in_is_polled(server, device):
    device.registers[RESIDUAL] = 51
    _, detector = register(server, GATEWAY, "Relay behind a gateway")
    device.dial(server.field)
    shows(server, detector, 51)


def test_what_is_not_on_the_list_is_not_dialled(server):
    terminal, _ = register(server, "tcp://127.0.0.2:502", "Relay elsewhere")
    until("somebody learns why", 30, lambda: any(
        "may_dial" in event["detail"] for event in server.api.get(f"/terminals/{terminal}")["events"]))
