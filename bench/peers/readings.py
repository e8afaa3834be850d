"""The same readings for everybody: circuits over days, twelve values each, integers with decimals as devices send them."""

import json
import math
import random

PERIOD_MS = 30_000
DAY_MS = 86_400_000
# Name and decimals, as in profiles/telemetry-generic.toml.
CHANNELS = [
    ("residual", 1), ("temperature_a", 1), ("temperature_b", 1), ("temperature_c", 1), ("current_a", 2), ("current_b", 2),
    ("current_c", 2), ("voltage_a", 1), ("voltage_b", 1), ("voltage_c", 1), ("power", 0), ("frequency", 2),
]
NAMES = [name for name, _ in CHANNELS]


def circuit(number, begin_ms, days):
    """(time, twelve raw integers) of one circuit: a day's load with switching steps, warmth behind it, noise that decays."""
    chance = random.Random(number)
    gauss, switch = chance.gauss, chance.random
    base, height, leak = chance.uniform(3, 12), chance.uniform(5, 25), chance.uniform(15, 60)
    steps, warmth = 0.0, [24.0, 24.0, 24.0]
    drift = [0.0] * 12
    for index in range(days * DAY_MS // PERIOD_MS):
        at = begin_ms + index * PERIOD_MS
        hour = at / 3_600_000 % 24
        if switch() < 0.004:
            steps = chance.choice((0.0, 2.5, 4.0, 7.5))
        load = max(0.3, base + height * max(0.0, math.sin((hour - 6) / 24 * 2 * math.pi)) + steps)
        for place in range(12):
            drift[place] = 0.9 * drift[place] + gauss(0, 1)
        raw = [round(10 * max(0.0, leak + 0.2 * load + 0.15 * drift[0]))]
        amperes = [load * share + 0.01 * drift[4 + phase] for phase, share in enumerate((1.0, 0.92, 1.05))]
        for phase in range(3):
            warmth[phase] += 0.01 * (22 + 0.05 * amperes[phase] ** 2 - warmth[phase])
            raw.append(round(10 * (warmth[phase] + 0.03 * drift[1 + phase])))
        raw += [round(100 * current) for current in amperes]
        volts = [231 - 0.1 * load + 0.2 * drift[7 + phase] for phase in range(3)]
        raw += [round(10 * volt) for volt in volts]
        raw.append(round(sum(volt * current for volt, current in zip(volts, amperes)) * 0.95))
        raw.append(round(100 * (50 + 0.004 * drift[11])))
        yield at, raw


def decimal(raw, places):
    """The raw integer as its number."""
    return str(raw) if places == 0 else f"{raw / 10 ** places:.{places}f}"


def written(raw):
    return [decimal(value, places) for value, (_, places) in zip(raw, CHANNELS)]


def messages(readings, of_each):
    """Bodies for our own door."""
    for some in batches(readings, of_each):
        said = ",".join(
            f'{{"at":{at},"values":{{{",".join(f"{json.dumps(n)}:{v}" for n, v in zip(NAMES, written(raw)))}}}}}'
            for at, raw in some
        )
        yield len(some), f'{{"v":1,"readings":[{said}]}}'.encode()


def lines(readings, number, of_each):
    """Bodies in InfluxDB's line protocol, times in ms."""
    for some in batches(readings, of_each):
        text = "\n".join(
            f"r,d={number} {','.join(f'{n}={v}' for n, v in zip(NAMES, written(raw)))} {at}" for at, raw in some
        )
        yield len(some), text.encode()


def rows(readings, number, of_each):
    """Bodies for COPY: the scaled integers themselves, as narrow as PostgreSQL has them."""
    for some in batches(readings, of_each):
        text = "".join(f"{number}\t{at}\t{chr(9).join(map(str, raw))}\n" for at, raw in some)
        yield len(some), text.encode()


def batches(readings, of_each):
    some = []
    for reading in readings:
        some.append(reading)
        if len(some) == of_each:
            yield some
            some = []
    if some:
        yield some
