"""The figures as docs/performance.md: each with its command, the machine, and the limit it is held against."""

# The limits that the intake is built for.
READINGS_PER_S = 150_000
HALF_LOAD_PER_S = READINGS_PER_S / 2
ALARM_P99_MS = 50
CONNECTION_KB = 8
RESTART_S = 5


def number(value):
    return f"{value:,.0f}"


def ms(value):
    return "–" if value is None else f"{value:.1f} ms"


def verdict(holds):
    return "met" if holds else "**not met**"


def cores(used, peers="generator"):
    return f"server {used['server']:.2f}, {peers} {used['peers']:.2f}, everything else {used['others']:.2f}"


def rate_of(load):
    return load["report"]["confirmed_per_s"]


def throughput(title, load, options):
    full = load["report"]
    values = full["values_per_reading"]
    used = load["cpu"]
    share = used["peers"] / max(0.01, used["peers"] + used["server"])
    return f"""### {title}

`{load['command']}`

| | |
| --- | --- |
| confirmed | {number(full['confirmed_measured'])} readings in {full['measured_s']:.1f} s: **{number(rate_of(load))}/s**, {number(rate_of(load) * values)} values/s |
| write to confirmation | p50 {ms(full['latency']['p50_ms'])}, p99 {ms(full['latency']['p99_ms'])}, max {ms(full['latency']['max_ms'])} with {number(options.connections * options.window)} always under way |
| connections lost | {full['reconnects']} |
| cores used | {cores(used)}: the generator took {share:.0%} of what the two used |
| server's memory afterwards | {load['rss_kb'] / 1000:.0f} MB |
| on disk, not sealed yet | {load['bytes_per_reading']:.0f} bytes per reading, {load['bytes_per_reading'] / values:.1f} per value, all indexes counted |
"""


def markdown(found, options, probes, settings):
    box, fresh, idle = found["machine"], found["fresh"], found["idle"]
    cloud, mqtt, half, restart = found["7b7b"], found["mqtt"], found["latency"], found["restart"]
    values, alarms = half["probes"]["values"], half["probes"]["alarms"]
    per_connection = (idle["after_kb"] - idle["before_kb"]) / max(1, idle["report"]["connected"])
    enough = half["report"]["confirmed_per_s"] >= 0.98 * HALF_LOAD_PER_S
    quick = all(it["p99_ms"] is not None and it["p99_ms"] <= ALARM_P99_MS for it in (values, alarms))
    whole = half["probes"]["lost"] == 0
    others = max(it["cpu"]["others"] for it in (cloud, mqtt, half))
    shared = (
        f"The machine was shared: other work (the kernel's, too) took up to {others:.2f} of its {box['cores']} cores while "
        "this was measured, so the figures are what was left, not what the machine can do."
        if others > 0.1
        else "Nothing else ran on the machine while this was measured."
    )
    if box["preference"]:
        shared += f" Server, generator and probes were preferred to other work ({box['preference']})."
    here = (
        f"{box['cores']} cores of {box['cpu']}, {box['ram_gb']:.0f} GB RAM, Linux {box['kernel']}, "
        f"write + fdatasync of 4 KB p50 {box['fsync_p50_ms']:.2f} ms, p99 {box['fsync_p99_ms']:.2f} ms"
    )
    serve = "emberwatch serve --data $DATA " + " ".join(f"--set {setting}" for setting in settings)
    all_open = idle["report"]["connected"] == 100_000
    return f"""# Performance of the intake

Written by `make bench` (`python3 bench/run.py --seconds {options.seconds}`); do not edit. Server, generator and probes run on one machine and
talk over its loopback. Where the time goes: [performance-intake.md](performance-intake.md). What history costs:
[performance-history.md](performance-history.md).

| | |
| --- | --- |
| date | {found['date']:%Y-%m-%d %H:%M} UTC, took {found['took_s']:.0f} s |
| machine | {here} |
| shared | {shared} |
| server | `{serve}` |

## Held against the limits

| what | limit | measured | |
| --- | --- | --- | --- |
| readings of {cloud['report']['values_per_reading']} values over 7B7B, judged and confirmed after fsync, {options.seconds} s | ≥ {number(READINGS_PER_S)}/s | {number(rate_of(cloud))}/s | {verdict(rate_of(cloud) >= READINGS_PER_S)} |
| readings of {mqtt['report']['values_per_reading']} values over MQTT QoS 1, the same | ≥ {number(READINGS_PER_S)}/s | {number(rate_of(mqtt))}/s | {verdict(rate_of(mqtt) >= READINGS_PER_S)} |
| socket write to live-stream event, p99, at {number(HALF_LOAD_PER_S)} readings/s wanted, {number(half['report']['confirmed_per_s'])} reached | ≤ {ALARM_P99_MS} ms | value {ms(values['p99_ms'])}, alarm {ms(alarms['p99_ms'])} | {verdict(enough and quick and whole)} |
| memory of an idle connection, at {number(idle['report']['connected'])} of 100,000 | ≤ {CONNECTION_KB} KB | {per_connection:.1f} KB | {verdict(per_connection <= CONNECTION_KB)}{'' if all_open else f', for as many as {number(options.files)} open files of a process allow here'} |
| kill -9 under load, {number(options.detectors)} detectors: process start to the first confirmed reading | ≤ {RESTART_S} s with 100,000 | {restart['first_confirmed_s']:.2f} s | {verdict(restart['first_confirmed_s'] <= RESTART_S)}{'' if options.detectors >= 100_000 else ', with fewer than wanted'} |

## Readings confirmed per second

Each of {number(options.connections)} connections is a detector that sends the next upload as soon as fewer than {options.window} wait for their
confirmation. A reading is decoded, judged by the limits of its channels, written with everybody else's in one
transaction, and confirmed after the fsync. A device may speak {number(2000)} times a second here, where the default is 50: a thousand of
them stand for a city.

{throughput("Vendor frames (7B7B)", cloud, options)}
{throughput("MQTT 3.1.1, QoS 1, our JSON form", mqtt, options)}
## From a socket to a screen

`{half['command']}`

Beside that load, {probes} detectors of the bench upload at random moments, {options.probes_per_s} times a second in all, and a signed-in reader
of `GET /api/v1/live` waits for the event with that value. Every fourth upload jumps over the limit of the residual current (delay 0),
so that an alarm is raised in the same commit, and `alarm` with that value is waited for too. The time is from before the
write to after the event was parsed, with what the measuring program itself needs.

| | p50 | p99 | max | how many |
| --- | --- | --- | --- | --- |
| event `values` | {ms(values['p50_ms'])} | {ms(values['p99_ms'])} | {ms(values['max_ms'])} | {values['count']}, {half['probes']['lost']} never seen |
| event `alarm` | {ms(alarms['p50_ms'])} | {ms(alarms['p99_ms'])} | {ms(alarms['max_ms'])} | {alarms['count']}, {half['probes']['unseen']} not seen before the next change |
| load: write to confirmation | {ms(half['report']['latency']['p50_ms'])} | {ms(half['report']['latency']['p99_ms'])} | {ms(half['report']['latency']['max_ms'])} | {number(half['report']['confirmed_measured'])} at {number(half['report']['confirmed_per_s'])}/s |

Gaps that the stream told of: {half['probes']['gaps']}. Cores used: {cores(half['cpu'], 'generator')} (the probes among them).

## An idle connection

`{idle['command']}`

Resident memory of the server {number(idle['before_kb'])} KB before and {number(idle['after_kb'])} KB with {number(idle['report']['connected'])} connections that have logged in:
**{per_connection:.1f} KB** each, with what the pipeline remembers of a detector that has spoken. The kernel's socket buffers are not in it. A
process may have {number(options.files)} open files here, and that cannot be raised.

## Start, size

| what | measured | command |
| --- | --- | --- |
| kill -9 under load, {number(options.detectors)} detectors: process start to the first confirmed reading | {restart['first_confirmed_s']:.2f} s (ready to serve after {restart['ready_s']:.2f} s) | `kill -9`, then `{serve}` |
| empty folder: process start to ready | {fresh['ready_s']:.2f} s | `emberwatch serve --data $EMPTY` |
| memory of a fresh server, idle | {fresh['rss_kb'] / 1000:.0f} MB | the same, after 3 s |
| size of the binary, pages included | {fresh['binary_bytes'] / 1e6:.1f} MB | `ls -l target/release/emberwatch` |
"""
