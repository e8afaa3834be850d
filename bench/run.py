#!/usr/bin/env python3
"""Measures the release binary over loopback and writes docs/performance.md. About four minutes; nothing but the
standard library, the binary, and some GB of disk under target/."""

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
# Roll-ups begin a minute after the start; the measurements are to have them beside them.
ROLL_UP_AFTER_S = 64
QUIET_LOG = "field.telegram_log=refused"


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


def throughput(server, options):
    """As many uploads as are confirmed."""
    load = Simulate(
        server, "load", options.connections, options.seconds, "--window", options.window, "--first", PROBES + 1,
    )
    wait_until(load.measures_from)
    cpu = machine.Cpu(server.pid, load.pid)
    wait_until(load.measures_until - 1)
    used = cpu.cores()
    result = load.report()
    return {
        "command": load.command(), "report": result, "cpu": used, "rss_kb": machine.memory_kb(server.pid),
    }


def latency(server, api, per_s, options):
    """Probes beside a load at a fixed rate, once there is a minute's worth of readings to roll up."""
    lead_s = ROLL_UP_AFTER_S - (time.monotonic() - server.started)
    load = Simulate(
        server, "load", options.connections, round(lead_s + options.seconds + 10), "--rate", round(per_s),
        "--first", PROBES + 1,
    )
    wait_until(server.started + ROLL_UP_AFTER_S)
    cpu = machine.Cpu(server.pid, load.pid)
    serials = [serial(number) for number in range(1, PROBES + 1)]
    probes = probe.measure(server, api, serials, options.probes_per_s, options.seconds)
    used = cpu.cores()
    result = load.report()
    return {"command": load.command(), "report": result, "cpu": used, "probes": probes}


def idle(server, connections):
    """What a connection costs that only keeps the line."""
    time.sleep(2)
    before = machine.memory_kb(server.pid)
    load = Simulate(server, "idle", connections, 8, "--first", PROBES + 1)
    wait_until(load.measures_until - 1)
    after = machine.memory_kb(server.pid)
    result = load.report()
    return {"command": load.command(), "report": result, "before_kb": before, "after_kb": after}


def restart(server, settings, options):
    """kill -9 under load, then the time from the start of the process to the first confirmed reading."""
    load = Simulate(server, "load", options.connections, 60, "--rate", 2000, "--first", PROBES + 1)
    wait_until(load.measures_from)
    server.kill()
    load.stop()
    again = Server(server.data, settings)
    line = probe.dial(again.field, serial(1))
    probe.confirmed(line)
    taken = time.monotonic() - again.started
    line.close()
    return again, {"first_confirmed_s": taken, "ready_s": again.ready_s}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--connections", type=int, default=1000, help="of the load")
    parser.add_argument("--window", type=int, default=16, help="uploads of one connection that wait for confirmation")
    parser.add_argument("--seconds", type=int, default=30, help="of each measurement")
    parser.add_argument("--probes-per-s", type=int, default=80)
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections, and terminals in the folder")
    parser.add_argument("--max-frames-per-s", type=int, default=0, help="of one device; 0 leaves the default")
    parser.add_argument("--keep", action="store_true", help="leave docs/performance.md as it is")
    options = parser.parse_args()
    if not BINARY.exists():
        sys.exit(f"no {BINARY}; `make bench` builds it")
    # The generator and the server hold a socket per connection; children inherit the limit.
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < options.idle + 1000:
        sys.exit(f"open files are limited to {hard}; {options.idle + 1000} are needed (ulimit -Hn)")

    (ROOT / "target").mkdir(exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "target"))
    began = time.monotonic()
    try:
        found = measure(folder, options)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found["took_s"] = time.monotonic() - began
    text = report.markdown(found, options, PROBES)
    print(text)
    if not options.keep:
        (ROOT / "docs" / "performance.md").write_text(text, encoding="utf-8")


def measure(folder, options):
    found = {"date": datetime.datetime.now(datetime.timezone.utc), "machine": machine.facts(folder)}
    say("a fresh folder")
    found["fresh"] = fresh(folder)
    data = folder / "data"
    say(f"commissioning {options.idle + PROBES} detectors")
    password = commission(data, options.idle + PROBES)
    settings = [QUIET_LOG, f"field.max_frames_per_s={options.max_frames_per_s}"] if options.max_frames_per_s else [QUIET_LOG]
    server = Server(data, settings)
    say(f"{options.idle} idle connections")
    found["idle"] = idle(server, options.idle)
    # Stopped and started in between: neither measurement pays for the other's closing connections.
    server.stop()
    server = Server(data, settings)
    api = Api(server, password)
    before = server.disk_bytes()
    wanted = report.HALF_LOAD_PER_S
    say(f"latency at {wanted:.0f} readings/s, {options.seconds} s")
    found["latency"] = latency(server, api, wanted, options)
    say(f"throughput, {options.seconds} s")
    found["throughput"] = throughput(server, options)
    server.stop()
    written = found["throughput"]["report"]["confirmed"] + found["latency"]["report"]["confirmed"]
    found["bytes_per_reading"] = (server.disk_bytes() - before) / max(1, written)
    say("kill -9 and start again")
    server = Server(data, settings)
    server, found["restart"] = restart(server, settings, options)
    server.stop()
    return found


if __name__ == "__main__":
    main()
