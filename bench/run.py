#!/usr/bin/env python3
"""Measures the intake of the release binary over loopback and writes docs/performance.md. Some minutes with the default
duration, half an hour with `--seconds 600`; nothing but the standard library, the binary, and some GB of disk under
target/."""

import argparse
import datetime
import pathlib
import resource
import shutil
import sys
import tempfile
import time

import machine
import probe
import report
from server import BINARY, ROOT, Api, Server, Simulate, commission, wait_until

# The first terminals are the probes; the load and the idle connections begin behind them.
PROBES = 16
# Loopback addresses that idle connections come from: one has 28,000 ports.
ADDRESSES = 8
# Sockets that a process needs for something else than devices.
OTHER_FILES = 600
# What the telegram log keeps, and how often one device may speak: a thousand of them stand for a city.
SETTINGS = ["field.telegram_log=refused", "field.max_frames_per_s=2000",
            "mqtt.max_messages_per_s=2000"]


def say(text):
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def serial(number):
    return f"EWL{number:012}"


def fresh(folder):
    """An empty folder: what does the program itself need?"""
    server = Server(folder / "fresh")
    time.sleep(3)
    rss = machine.memory_kb(server.pid)
    server.stop()
    return {"binary_bytes": BINARY.stat().st_size, "rss_kb": rss, "ready_s": server.ready_s}


def throughput(data, options, speak, first):
    """As many uploads as are confirmed, by a server that was just started."""
    server = Server(data, SETTINGS)
    before = server.disk_bytes()
    load = Simulate(
        server, "load", options.connections, options.seconds, "--speak", speak, "--window", options.window,
        "--first", first,
    )
    wait_until(load.measures_from)
    cpu = machine.Cpu(server.pid, load.pid)
    wait_until(load.measures_until - 1)
    used = cpu.cores()
    result = load.report()
    rss = machine.memory_kb(server.pid)
    server.stop()
    per_reading = (server.disk_bytes() - before) / max(1, result["confirmed"])
    return {"command": load.command(), "report": result, "cpu": used, "rss_kb": rss, "bytes_per_reading": per_reading}


def latency(data, password, options):
    """Probes beside a load at half the wanted rate."""
    server = Server(data, SETTINGS)
    api = Api(server, password)
    load = Simulate(
        server, "load", options.connections, options.seconds + 10, "--rate", round(report.HALF_LOAD_PER_S),
        "--window", options.window, "--first", PROBES + 1,
    )
    wait_until(load.measures_from)
    cpu = machine.Cpu(server.pid, load.pid)
    serials = [serial(number) for number in range(1, PROBES + 1)]
    probes = probe.measure(server, api, serials, options.probes_per_s, options.seconds)
    used = cpu.cores()
    result = load.report()
    server.stop()
    return {"command": load.command(), "report": result, "cpu": used, "probes": probes}


def idle(server, connections):
    """What a connection costs that only keeps the line."""
    time.sleep(2)
    before = machine.memory_kb(server.pid)
    load = Simulate(server, "idle", connections, 8, "--addresses", ADDRESSES, "--first", PROBES + 1)
    wait_until(load.measures_until - 1)
    after = machine.memory_kb(server.pid)
    result = load.report()
    return {"command": load.command(), "report": result, "before_kb": before, "after_kb": after}


def restart(server, options):
    """kill -9 under load, then the time from the start of the process to the first confirmed reading."""
    load = Simulate(server, "load", options.connections, 60, "--rate", 2000, "--first", PROBES + 1)
    wait_until(load.measures_from)
    server.kill()
    load.stop()
    again = Server(server.data, SETTINGS)
    line = probe.dial(again.field, serial(1))
    probe.confirmed(line)
    taken = time.monotonic() - again.started
    line.close()
    return again, {"first_confirmed_s": taken, "ready_s": again.ready_s}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1000, help="of the load")
    parser.add_argument("--window", type=int, default=32, help="uploads of one connection that wait for confirmation")
    parser.add_argument("--seconds", type=int, default=20, help="of each measurement under load; 600 for the record")
    parser.add_argument("--probes-per-s", type=int, default=80)
    parser.add_argument("--idle", type=int, default=100_000, help="idle connections, as far as open files allow")
    parser.add_argument("--detectors", type=int, default=100_000, help="in the folder that is started again")
    parser.add_argument("--only", default="", help="some of fresh, 7b7b, mqtt, latency, many; prints, writes nothing")
    parser.add_argument("--keep", action="store_true", help="leave docs/performance.md as it is")
    options = parser.parse_args()
    if not BINARY.exists():
        sys.exit(f"no {BINARY}; `make bench` builds it")
    # The generator and the server hold a socket per connection; children inherit the limit.
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    options.files = hard
    options.idle = min(options.idle, hard - OTHER_FILES, options.detectors - PROBES)

    (ROOT / "target").mkdir(exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "target"))
    began = time.monotonic()
    try:
        found = measure(folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found["took_s"] = time.monotonic() - began
    if options.only:
        return print(found)
    text = report.markdown(found, options, PROBES, SETTINGS)
    print(text)
    if not options.keep:
        (ROOT / "docs" / "performance.md").write_text(text, encoding="utf-8")


def measure(folder, options):
    found = {"date": datetime.datetime.now(datetime.timezone.utc), "machine": machine.facts(folder)}
    wanted = lambda what: not options.only or what in options.only.split(",")
    if wanted("fresh"):
        say("a fresh folder")
        found["fresh"] = fresh(folder)
    if wanted("7b7b") or wanted("mqtt") or wanted("latency"):
        data = folder / "load"
        say(f"commissioning 2 x {options.connections} detectors")
        password = commission(data, options.connections + PROBES, options.connections)
        if wanted("latency"):
            say(f"latency at {report.HALF_LOAD_PER_S:.0f} readings/s, {options.seconds} s")
            found["latency"] = latency(data, password, options)
        if wanted("7b7b"):
            say(f"7B7B, {options.seconds} s")
            found["7b7b"] = throughput(data, options, "7b7b", PROBES + 1)
        if wanted("mqtt"):
            say(f"MQTT, {options.seconds} s")
            found["mqtt"] = throughput(data, options, "mqtt", 1)
        shutil.rmtree(data)
    if wanted("many"):
        data = folder / "many"
        say(f"commissioning {options.detectors} detectors")
        commission(data, options.detectors)
        server = Server(data, SETTINGS)
        say(f"{options.idle} idle connections")
        found["idle"] = idle(server, options.idle)
        # Stopped and started in between: neither measurement pays for the other's closing connections.
        server.stop()
        say("kill -9 and start again")
        server = Server(data, SETTINGS)
        server, found["restart"] = restart(server, options)
        server.stop()
    return found


if __name__ == "__main__":
    main()
