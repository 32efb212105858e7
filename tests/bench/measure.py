"""What a command costs: wall time, its own CPU, its memory, and the CPU of the whole machine."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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
    argv: Sequence[str], start: Callable[..., subprocess.Popen[Any]] = subprocess.Popen, **how: Any
) -> Cost:
    """Run a command to its end; it must succeed."""
    with tempfile.TemporaryFile() as said:
        busy, began = machine_cpu(), time.perf_counter()
        process = start(argv, stdout=subprocess.DEVNULL, stderr=said, **how)
        # The kernel's account of this one process, not of all that ever ran.
        _, status, used = os.wait4(process.pid, 0)
        wall, machine = time.perf_counter() - began, machine_cpu() - busy
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise RuntimeError(f"{argv[0]} exited {process.returncode}: {said.read().decode()[-2000:]}")
    return Cost(wall, used.ru_utime + used.ru_stime, machine, used.ru_maxrss / 1024)


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
    seconds = f"{cost.wall:7.2f} s wall {cost.cpu:7.2f} s cpu {cost.machine:7.2f} s machine"
    return f"{name:<44} {seconds} {cost.peak:6.0f} MB"
