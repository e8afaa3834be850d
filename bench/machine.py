"""What the figures were measured on, and what else it was doing meanwhile."""

import os
import statistics
import time

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def _first(path, key):
    with open(path, encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
    return "unknown"


def cores():
    return len(os.sched_getaffinity(0))


def fsync_ms(folder, times=300):
    """Append 4 KB and fdatasync, as a commit does: (p50, p99) in ms."""
    path = os.path.join(folder, "fsync.probe")
    taken = []
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        for _ in range(times):
            begin = time.perf_counter()
            os.write(handle, b"\0" * 4096)
            os.fdatasync(handle)
            taken.append((time.perf_counter() - begin) * 1000)
    finally:
        os.close(handle)
        os.unlink(path)
    return statistics.median(taken), sorted(taken)[int(len(taken) * 0.99)]


def facts(folder):
    p50, p99 = fsync_ms(folder)
    return {
        "cores": cores(),
        "cpu": _first("/proc/cpuinfo", "model name"),
        "ram_gb": int(_first("/proc/meminfo", "MemTotal").split()[0]) / 1e6,
        "kernel": os.uname().release,
        "preference": preference(),
        "fsync_p50_ms": p50,
        "fsync_p99_ms": p99,
    }


def cpu_s(pid):
    """User and system time of a process so far, s."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def busy_s():
    """Time that all cores together were not idle since boot, s."""
    with open("/proc/stat", encoding="ascii") as stat:
        user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, stat.readline().split()[1:])
    return (user + nice + system + irq + softirq) / TICKS_PER_S


def memory_kb(pid, key="VmRSS"):
    return int(_first(f"/proc/{pid}/status", key).split()[0])


def preference():
    """How this process, and with it its children, is preferred to other work; empty when it is not."""
    policies = {os.SCHED_FIFO: "SCHED_FIFO", os.SCHED_RR: "SCHED_RR"}
    policy, nice, group = policies.get(os.sched_getscheduler(0)), os.getpriority(os.PRIO_PROCESS, 0), 0
    try:
        with open("/proc/self/autogroup", encoding="ascii") as line:
            group = int(line.read().split()[-1])
    except (OSError, ValueError, IndexError):
        pass
    said = [policy] if policy else []
    said += [f"nice {nice}"] if nice else []
    said += [f"scheduling group at nice {group}"] if group else []
    return ", ".join(said)


class Cpu:
    """Cores used between two moments: by the server, by its peers, and by anything else on the machine."""

    def __init__(self, server, *peers):
        self.server, self.peers = server, peers
        self.begin = self._now()

    def _now(self):
        return time.monotonic(), cpu_s(self.server), sum(map(cpu_s, self.peers)), busy_s()

    def cores(self):
        span, server, peers, busy = (now - then for now, then in zip(self._now(), self.begin))
        return {
            "server": server / span,
            "peers": peers / span,
            "others": max(0.0, busy - server - peers) / span,
        }
