"""What a command costs: wall time, its own CPU, its memory, and the CPU of what works for it elsewhere."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TICK = os.sysconf("SC_CLK_TCK")
_CGROUPS = (
    # (where groups are made, the file that counts, in units of a second)
    (Path("/sys/fs/cgroup/cpuacct"), "cpuacct.usage", 1e9),
    (Path("/sys/fs/cgroup"), "cpu.stat", 1e6),
    (Path("/sys/fs/cgroup/unified"), "cpu.stat", 1e6),
)
_QUIET = 0.001  # seconds of CPU within _GLANCE: what is left then is nobody's start
_GLANCE = 0.05
_GLANCES = 6
_PATIENCE = 20.0


@dataclass(frozen=True)
class Cost:
    """Seconds, and megabytes at the peak. `all_cpu` counts the processes on hosts, too."""

    wall: float
    cpu: float
    all_cpu: float
    peak: float


class Account:
    """The CPU that a group of processes has used: this one, and all that it starts from now on.

    Where the kernel gives us no group of our own it is the CPU of the whole machine, and `whole_machine`
    says so: then nobody else should be at work on it.
    """

    def __init__(self, file: Path | None = None, unit: float = 1.0) -> None:
        self._file = file
        self._unit = unit
        self.whole_machine = file is None

    def used(self) -> float:
        """Seconds up to now."""
        if self._file is None:
            return _machine_cpu()
        text = self._file.read_text().split()
        return int(text[0] if len(text) == 1 else text[text.index("usage_usec") + 1]) / self._unit

    def settled(self) -> float:
        """Seconds, once what was started in the background has come up."""
        deadline = time.monotonic() + _PATIENCE
        still, before = 0, self.used()
        while still < _GLANCES and not self.whole_machine and time.monotonic() < deadline:
            time.sleep(_GLANCE)
            now = self.used()
            still = still + 1 if now - before < _QUIET else 0
            before = now
        return before


@contextmanager
def account() -> Iterator[Account]:
    """An account for all that is started inside of the block."""
    for place, name, unit in _CGROUPS:
        group = place / f"ramify-bench-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / name).exists():
            (group / "cgroup.procs").write_text(str(os.getpid()))
            try:
                yield Account(group / name, unit)
            finally:
                _leave(place, group)
            return
        group.rmdir()
    yield Account()


def _leave(place: Path, group: Path) -> None:
    """Move what is still in a group up, and take it away."""
    for pid in (group / "cgroup.procs").read_text().split():
        try:
            (place / "cgroup.procs").write_text(pid)
        except OSError:  # it has ended
            continue
    group.rmdir()


def _machine_cpu() -> float:
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq, *_ = map(int, file.readline().split()[1:])
    return (user + nice + system + irq + softirq) / TICK


def command(
    argv: Sequence[str],
    start: Callable[..., subprocess.Popen[Any]] = subprocess.Popen,
    within: Account | None = None,
    **how: Any,
) -> Cost:
    """Run a command to its end; it must succeed. `within` counts what it makes work elsewhere."""
    with tempfile.TemporaryFile() as said:
        busy = within.settled() if within else 0.0
        began = time.perf_counter()
        process = start(argv, stdout=subprocess.DEVNULL, stderr=said, **how)
        # The kernel's account of this one process, not of all that ever ran.
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            said.seek(0)
            raise RuntimeError(f"{argv[0]} exited {process.returncode}: {said.read().decode()[-2000:]}")
        cpu = used.ru_utime + used.ru_stime
        everything = within.settled() - busy if within else cpu
    return Cost(wall, cpu, everything, used.ru_maxrss / 1024)


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        *(
            statistics.median(getattr(cost, name) for cost in costs)
            for name in ("wall", "cpu", "all_cpu", "peak")
        )
    )


def line(name: str, cost: Cost) -> str:
    """A row of the table."""
    elsewhere = f" {cost.all_cpu:6.2f} s with hosts" if cost.all_cpu != cost.cpu else ""
    return f"{name:<44} {cost.wall:7.2f} s wall {cost.cpu:7.2f} s cpu{elsewhere} {cost.peak:6.0f} MB"
