#!/usr/bin/env python3
"""Side by side on this machine: the same readings into Emberwatch, VictoriaMetrics, InfluxDB and PostgreSQL, and idle
connections to Emberwatch and Mosquitto. Installs what Debian has of them, runs, prints a table, and removes again what it
installed. Where we lose, the table says so. Root, the release binary, a few GB of disk."""

import argparse
import datetime
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import machine  # noqa: E402
from server import BINARY, Server, Simulate, commission  # noqa: E402

import readings  # noqa: E402
from peers import Emberwatch, InfluxDb, Mosquitto, Postgres, VictoriaMetrics  # noqa: E402

PACKAGES = {"victoria-metrics": "victoria-metrics", "influxdb": "influxd", "postgresql-15": "/usr/lib/postgresql/15/bin/postgres",
            "mosquitto": "mosquitto"}
POLICY = pathlib.Path("/usr/sbin/policy-rc.d")
ASKED = 60


def say(text):
    print(f"{datetime.datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def apt(*words):
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "-qq", "-y", *words], check=True, env=environment, stdout=subprocess.DEVNULL)


def installed():
    """Installs what is missing, without starting it as a service; gives the names of what was."""
    missing = [package for package, program in PACKAGES.items() if shutil.which(program) is None]
    if not missing:
        return []
    say(f"installing {', '.join(missing)}")
    own = not POLICY.exists()
    if own:
        POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
        POLICY.chmod(0o755)
    try:
        apt("update")
        apt("install", "--no-install-recommends", *missing)
    finally:
        if own:
            POLICY.unlink()
    return missing


def measured(peer, options, begin_ms):
    """What one of them did with the readings."""
    say(f"{peer.name}: making {options.circuits} x {options.days} days")
    bodies = [
        peer.bodies(readings.circuit(number, begin_ms, options.days), number) for number in range(1, options.circuits + 1)
    ]
    say(f"{peer.name}: taking in")
    count, seconds = peer.take(bodies)
    del bodies
    say(f"{peer.name}: settling")
    peer.settle()
    taken = []
    for number in range(ASKED):
        ask = peer.ask(number % options.circuits + 1, number % len(readings.NAMES), begin_ms, options.days)
        if number < options.circuits:
            # The first curve of each circuit opens connections and files: it is asked once before it counts.
            ask()
        began = time.perf_counter()
        ask()
        taken.append((time.perf_counter() - began) * 1000)
    values = count * len(readings.NAMES)
    return {
        "name": peer.name, "durable": peer.durable, "per_s": count / seconds, "bytes": peer.size() / values,
        "p50": statistics.median(taken), "worst": max(taken), "count": count,
    }


def idle_kb(folder, connections):
    """Kilobytes per connection of ours that has logged in and keeps the line."""
    commission(folder / "data", connections)
    server = Server(folder / "data", ["field.telegram_log=off"])
    time.sleep(2)
    before = machine.memory_kb(server.pid)
    load = Simulate(server, "idle", connections, 8)
    while time.monotonic() < load.measures_until - 1:
        time.sleep(0.2)
    after = machine.memory_kb(server.pid)
    connected = load.report()["connected"]
    server.stop()
    return (after - before) / connected


def table(found, idle, box, options):
    ours = next((one for one in found if one["name"] == Emberwatch.name), None)
    best = lambda key, pick: pick(one[key] for one in found)
    mark = lambda one, key, pick, text: f"**{text}**" if one[key] == best(key, pick) else text
    lines = [
        f"{box['cores']} cores of {box['cpu']}, {box['ram_gb']:.0f} GB, fsync p50 {box['fsync_p50_ms']:.2f} ms. "
        f"{options.circuits} circuits, {options.days} days, a reading each 30 s, twelve values each: "
        f"{found[0]['count']:,} readings. Best of a column in bold.",
        "",
        "| | readings/s taken in | confirmed | bytes a value | 30 days of one channel to 2,000 points, p50 | worst of "
        f"{ASKED} |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for one in found:
        per_s = mark(one, "per_s", max, f"{one['per_s']:,.0f}")
        size = mark(one, "bytes", min, f"{one['bytes']:.2f}")
        p50 = mark(one, "p50", min, f"{one['p50']:.1f} ms")
        lines.append(f"| {one['name']} | {per_s} | {one['durable']} | {size} | {p50} | {one['worst']:.1f} ms |")
    lines += ["", "| idle connections | KB each |", "| --- | --- |"]
    lines += [f"| {name} | {kb:.1f} |" for name, kb in idle]
    if ours is not None:
        lost = [
            f"{what} against {', '.join(better)}"
            for what, key, sign in (("readings/s", "per_s", -1), ("bytes a value", "bytes", 1), ("curves", "p50", 1))
            if (better := [one["name"] for one in found if sign * one[key] < sign * ours[key]])
        ]
        if len(idle) > 1 and idle[0][1] > min(kb for _, kb in idle):
            lost.append("memory of an idle connection against " + min(idle, key=lambda one: one[1])[0])
        lines += ["", "We lose: " + ("; ".join(lost) if lost else "nothing here") + "."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--circuits", type=int, default=6)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--idle", type=int, default=5000, help="connections")
    parser.add_argument("--only", default="", help="names with commas between, to leave others out")
    parser.add_argument("--install", action="store_true", help="install what is missing, and nothing else")
    parser.add_argument("--keep-packages", action="store_true", help="remove nothing at the end")
    options = parser.parse_args()
    if os.geteuid() != 0:
        sys.exit("wanted root: packages are installed, and PostgreSQL runs as its own user")
    added = installed()
    if options.install:
        return
    if not BINARY.exists():
        sys.exit(f"no {BINARY}; build it, or name it in EMBERWATCH_BINARY")
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # Readings of the past, whole days in UTC that ended before today.
    begin_ms = (int(time.time()) // 86_400 - options.days - 1) * readings.DAY_MS
    wanted = [name.strip().lower() for name in options.only.split(",") if name.strip()]
    chosen = lambda peer: not wanted or any(peer.name.lower().startswith(name) for name in wanted)
    # PostgreSQL's user must get through to its folder, so it is not under a home.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-peers-"))
    folder.chmod(0o711)
    try:
        found = []
        for kind in (Emberwatch, VictoriaMetrics, InfluxDb, Postgres):
            if not chosen(kind):
                continue
            own = folder / kind.__name__
            own.mkdir()
            peer = kind(own, options.circuits) if kind is Emberwatch else kind(own)
            try:
                found.append(measured(peer, options, begin_ms))
            finally:
                peer.stop()
            shutil.rmtree(own)
        idle = []
        if options.idle:
            own = folder / "idle"
            own.mkdir()
            say(f"{options.idle} idle connections")
            idle.append(("Emberwatch (7B7B, logged in)", idle_kb(own, options.idle)))
            broker = Mosquitto(own)
            try:
                idle.append((f"{broker.name} (MQTT 3.1.1)", broker.idle_kb(options.idle)))
            finally:
                broker.stop()
        print(table(found, idle, machine.facts(folder), options))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if added and not options.keep_packages:
            say(f"removing {', '.join(added)}")
            apt("purge", "--auto-remove", *added)


if __name__ == "__main__":
    main()
