"""The figures as docs/performance.md: each with its command, the machine, and the limit it is held against."""

# The limits of the first issue; ARCHITECTURE's later ones are higher.
READINGS_PER_S = 30_000
HALF_LOAD_PER_S = READINGS_PER_S / 2
ALARM_P99_MS = 100
CONNECTION_KB = 12


def number(value):
    return f"{value:,.0f}"


def ms(value):
    return "–" if value is None else f"{value:.1f} ms"


def verdict(holds):
    return "met" if holds else "**not met**"


def cores(used, peers="generator"):
    return f"server {used['server']:.2f}, {peers} {used['peers']:.2f}, everything else {used['others']:.2f}"


def markdown(found, options, probes):
    box, fresh, idle = found["machine"], found["fresh"], found["idle"]
    full, half, restart = found["throughput"], found["latency"], found["restart"]
    rate, values, alarms = full["report"]["confirmed_per_s"], half["probes"]["values"], half["probes"]["alarms"]
    per_connection = (idle["after_kb"] - idle["before_kb"]) / max(1, idle["report"]["connected"])
    enough = half["report"]["confirmed_per_s"] >= 0.98 * HALF_LOAD_PER_S
    quick = all(it["p99_ms"] is not None and it["p99_ms"] <= ALARM_P99_MS for it in (values, alarms))
    whole = half["probes"]["lost"] == 0
    others = max(full["cpu"]["others"], half["cpu"]["others"])
    shared = (
        f"The machine was shared: other work took up to {others:.2f} of its {box['cores']} cores while this was measured, "
        "so the figures are what was left, not what the machine can do."
        if others > 0.1
        else "Nothing else ran on the machine while this was measured."
    )
    if box["preference"]:
        shared += f" Server, generator and probes were preferred to other work ({box['preference']})."
    here = (
        f"{box['cores']} cores of {box['cpu']}, {box['ram_gb']:.0f} GB RAM, Linux {box['kernel']}, "
        f"write + fdatasync of 4 KB p50 {box['fsync_p50_ms']:.2f} ms, p99 {box['fsync_p99_ms']:.2f} ms"
    )
    serve = "emberwatch serve --data $DATA --set field.telegram_log=refused --set log.filter=warn"
    if options.max_frames_per_s:
        serve += f" --set field.max_frames_per_s={options.max_frames_per_s}"
    return f"""# Performance

Written by `make bench`; do not edit. Server, generator and probes run on one machine and talk over its loopback.

| | |
| --- | --- |
| date | {found['date']:%Y-%m-%d %H:%M} UTC, took {found['took_s']:.0f} s |
| machine | {here} |
| shared | {shared} |
| folder | {number(options.idle + probes)} detectors, made by `emberwatch commission --load {options.idle + probes} --data $DATA` |
| server | `{serve}` |

## Held against the limits

| what | limit | measured | |
| --- | --- | --- | --- |
| readings of {full['report']['values_per_reading']} values, judged and confirmed after fsync | ≥ {number(READINGS_PER_S)}/s | {number(rate)}/s | {verdict(rate >= READINGS_PER_S)} |
| socket write to live-stream event, p99, at {number(HALF_LOAD_PER_S)} readings/s | ≤ {ALARM_P99_MS} ms | value {ms(values['p99_ms'])}, alarm {ms(alarms['p99_ms'])} | {verdict(enough and quick and whole)} |
| memory of an idle connection, at {number(idle['report']['connected'])} | ≤ {CONNECTION_KB} KB | {per_connection:.1f} KB | {verdict(per_connection <= CONNECTION_KB and idle['report']['connected'] == options.idle)} |

## Readings confirmed per second

`{full['command']}`<br>
on {here}

Each connection is a detector that sends the next upload as soon as fewer than {options.window} wait for their confirmation. A reading is
one frame of the vendor's protocol with {full['report']['values_per_reading']} values; it is decoded, judged by the limits of its channels, written
with everybody else's in one transaction, and confirmed after the fsync. Roll-ups of what came before run meanwhile.

| | |
| --- | --- |
| confirmed | {number(full['report']['confirmed_measured'])} readings in {full['report']['measured_s']:.1f} s: **{number(rate)}/s**, {number(rate * full['report']['values_per_reading'])} values/s |
| write to confirmation | p50 {ms(full['report']['latency']['p50_ms'])}, p99 {ms(full['report']['latency']['p99_ms'])}, max {ms(full['report']['latency']['max_ms'])} with {number(options.connections * options.window)} always under way |
| connections lost | {full['report']['reconnects']} |
| cores used | {cores(full['cpu'])} |
| server's memory afterwards | {full['rss_kb'] / 1000:.0f} MB |
| on disk | {found['bytes_per_reading']:.0f} bytes per reading, {found['bytes_per_reading'] / full['report']['values_per_reading']:.1f} per value, all indexes counted |

## From a socket to a screen

`{half['command']}`<br>
on {here}

Beside that load, {probes} detectors of the bench upload at random moments, {options.probes_per_s} times a second in all, and a signed-in reader
of `GET /api/v1/live` waits for the event with that value. Every fourth upload jumps over the limit of the residual current (delay 0),
so that an alarm is raised in the same commit, and `alarm` with that value is waited for too. The time is from before the
write to after the event was parsed, with what the measuring program itself needs. Roll-ups run meanwhile.

| | p50 | p99 | max | how many |
| --- | --- | --- | --- | --- |
| event `values` | {ms(values['p50_ms'])} | {ms(values['p99_ms'])} | {ms(values['max_ms'])} | {values['count']}, {half['probes']['lost']} never seen |
| event `alarm` | {ms(alarms['p50_ms'])} | {ms(alarms['p99_ms'])} | {ms(alarms['max_ms'])} | {alarms['count']}, {half['probes']['unseen']} not seen before the next change |
| load: write to confirmation | {ms(half['report']['latency']['p50_ms'])} | {ms(half['report']['latency']['p99_ms'])} | {ms(half['report']['latency']['max_ms'])} | {number(half['report']['confirmed_measured'])} at {number(half['report']['confirmed_per_s'])}/s |

Gaps that the stream told of: {half['probes']['gaps']}. Cores used: {cores(half['cpu'], 'generator')} (the probes among them).

## An idle connection

`{idle['command']}`<br>
on {here}

Resident memory of the server {number(idle['before_kb'])} KB before and {number(idle['after_kb'])} KB with {number(idle['report']['connected'])} connections that have logged in:
**{per_connection:.1f} KB** each, with what the pipeline remembers of a detector that has spoken. The kernel's socket buffers are not in it.

## Start, size

On {here}

| what | measured | command |
| --- | --- | --- |
| kill -9 under load, {number(options.idle + probes)} detectors: process start to the first confirmed reading | {restart['first_confirmed_s']:.2f} s (ready to serve after {restart['ready_s']:.2f} s) | `kill -9`, then `{serve}` |
| empty folder: process start to ready | {fresh['ready_s']:.2f} s | `emberwatch serve --data $EMPTY` |
| memory of a fresh server, idle | {fresh['rss_kb'] / 1000:.0f} MB | the same, after 3 s |
| size of the binary, pages included | {fresh['binary_bytes'] / 1e6:.1f} MB | `ls -l target/release/emberwatch` |
"""
