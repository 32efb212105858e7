"""What a command costs: wall time, its own CPU, its memory, and the CPU of the whole machine."""

import os
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """Seconds, and megabytes at the peak."""

    wall: float
    cpu: float
    machine: float
    peak: float


def machine_cpu() -> float:
    """Seconds that all processors together have worked since boot."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, *_ = map(int, file.readline().split()[1:])
    return (user + nice + system + irq + softirq) / TICK


def command(
    argv: Sequence[str], start: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen, **how: object
) -> Cost:
    """Run a command to its end; it must succeed."""
    busy, began, used = machine_cpu(), time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = start(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **how)
    _, said = process.communicate()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode != 0:
        raise RuntimeError(f"{argv[0]} exited {process.returncode}: {said.decode()[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    return Cost(wall, cpu, machine_cpu() - busy, after.ru_maxrss / 1024)


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        *(
            statistics.median(getattr(cost, name) for cost in costs)
            for name in ("wall", "cpu", "machine", "peak")
        )
    )


def line(name: str, cost: Cost) -> str:
    """A row of the table."""
    return f"{name:<44} {cost.wall:7.2f} s wall {cost.cpu:7.2f} s cpu {cost.machine:7.2f} s machine {cost.peak:6.0f} MB"
