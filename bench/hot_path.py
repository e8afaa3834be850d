#!/usr/bin/env python3
"""Counts the instructions that a reading costs between socket and disk, and holds them against bench/hot_path.budget:
a slow-down is seen without a clock, on any machine and however busy it is. Needs valgrind.

    bench/hot_path.py            fails where a stage costs more than its budget allows
    bench/hot_path.py --renew    writes the budget as it is now
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUDGET = ROOT / "bench" / "hot_path.budget"
STAGES = {"frame": "7B7B bytes to a reading", "message": "JSON to a reading", "judge": "a reading judged"}
TIMES = 800
# Compilers and C libraries differ by this much without anybody's doing.
TOLERANCE = 0.05


def build():
    command = ["cargo", "build", "-q", "--profile", "guard", "-p", "domain", "--example", "hot_path"]
    subprocess.run(command, check=True, cwd=ROOT)
    return ROOT / "target" / "guard" / "examples" / "hot_path"


def counted(binary, stage, times):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(binary), stage, str(times)]
    ran = subprocess.run(command, capture_output=True, text=True)
    found = re.search(r"Collected\s*:\s*(\d+)", ran.stderr)
    if ran.returncode != 0 or not found:
        sys.exit(f"{' '.join(command)}\n{ran.stderr}")
    return int(found.group(1))


def main():
    binary = build()
    # What the start costs is in both runs and falls out.
    now = {
        stage: round((counted(binary, stage, 3 * TIMES) - counted(binary, stage, TIMES)) / (2 * TIMES))
        for stage in STAGES
    }
    if "--renew" in sys.argv[1:]:
        head = "# Instructions per reading, by stage; written by `bench/hot_path.py --renew`.\n"
        BUDGET.write_text(head + "".join(f"{stage} {count}\n" for stage, count in now.items()), encoding="utf-8")
    lines = [line.split() for line in BUDGET.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    budget = {stage: int(count) for stage, count in lines}
    failed = False
    for stage, what in STAGES.items():
        change = now[stage] / budget[stage] - 1
        print(f"{stage:8} {now[stage]:7,} instructions, budget {budget[stage]:7,} ({change:+.1%}): {what}")
        failed |= change > TOLERANCE
    if failed:
        sys.exit(
            f"the hot path costs more than {TOLERANCE:.0%} over its budget. Where that is meant, say why in the commit "
            "and renew the budget: bench/hot_path.py --renew"
        )


if __name__ == "__main__":
    main()
