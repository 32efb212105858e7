"""The supervisor of one service: a fork of the stub that owns its processes' pipes and outlives the session.

It writes their output to rotated logs, reaps them, records how each ended, and ends when all have. A
service is all of its processes: when one ends, or on SIGTERM, the supervisor stops the rest.
"""

from __future__ import annotations

import os
import select
import time

from ramify.stub import files, logs, process
from ramify.stub.wire import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from typing import Any, Dict, List, NoReturn, Optional

    from ramify.stub.checker import Watch
else:
    import _signal as signals  # `signal` builds enumerations when it is imported

_KILL_WAIT = 5.0
_POLL = 0.02


class Service:
    """What a supervisor needs to know."""

    __slots__ = ("log", "programs", "run", "stop_signal", "stop_timeout", "watch")

    def __init__(
        self,
        programs: Dict[str, process.Program],
        run: str,
        log: str,
        stop_signal: int,
        stop_timeout: float,
        watch: Optional[Watch] = None,
    ) -> None:
        self.programs = programs
        self.run = run
        self.log = log
        self.stop_signal = stop_signal
        self.stop_timeout = stop_timeout
        self.watch = watch


def launch(service: Service, gate: process.Gate) -> int:
    """Fork a supervisor that outlives this session; the descriptor returned carries its reports.

    The first report is one line of JSON, {"supervisor": identity, "pids": {process: identity}}; then one
    line "NAME CODE" for each process that ends, and of a service whose health is checked one of JSON,
    {"healthy": bool, "output": text}, as soon as it is known whether it has started. The processes wait at
    the gate. One that ends before this session does is a zombie until then, which counts as dead: a second
    fork against that would cost 1 ms.
    """
    entry, report = os.pipe()
    if os.fork():
        os.close(report)
        return entry
    try:
        os.setsid()
        detach((gate.entry, report))
        gate.exit = -1  # closed: else a stub's death would not be seen at the gate
        _Supervisor(service, report).run(gate)
    finally:
        os._exit(0)


def detach(keep: Any) -> None:
    """Hold nothing of the session open."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    try:
        opened = [int(name) for name in os.listdir("/dev/fd")]
    except OSError:
        opened = list(range(3, 1024))
    for descriptor in opened:
        if descriptor > 2 and descriptor not in keep:
            try:
                os.close(descriptor)
            except OSError:
                pass


class _Supervisor:
    def __init__(self, service: Service, report: int) -> None:
        self._service = service
        self._report = report
        self._names: Dict[int, str] = {}  # pid -> process, of those not reaped
        self._groups: List[process.Identity] = []
        self._pipes: Dict[int, logs.Log] = {}
        self._checker: Any = None
        self._stopping = False
        self._deadline: Optional[float] = None

    def run(self, gate: process.Gate) -> NoReturn:
        """Start everything, then serve until nothing is left."""
        wakeup = self._listen()
        try:
            pids = {
                name: self._start(name, program, gate) for name, program in self._service.programs.items()
            }
        except OSError as error:  # those forked already end at the gate, which stays shut
            self._tell(encode({"error": f"cannot start: {error}"}))
            os._exit(1)
        os.close(gate.entry)
        self._tell(encode({"supervisor": process.identity(os.getpid()), "pids": pids}))
        if self._service.watch is not None:
            self._checker = _checker(self._service.watch, self._service.run, self._tell)
        while self._names or self._left_over():
            self._serve(wakeup)
        self._drain()
        os._exit(0)

    def _listen(self) -> int:
        """A descriptor that becomes readable when a child ends or we are told to stop."""
        wakeup = process.listen()
        signals.signal(signals.SIGTERM, lambda _number, _frame: self._stop())
        signals.signal(signals.SIGHUP, signals.SIG_IGN)
        signals.signal(signals.SIGINT, signals.SIG_IGN)
        return wakeup

    def _start(self, name: str, program: process.Program, gate: process.Gate) -> process.Identity:
        log = logs.Log(f"{self._service.log}/{name}.log")
        entry, out = os.pipe()
        pid = process.spawn(program, gate, out, out)
        os.close(out)
        os.set_blocking(entry, False)
        self._pipes[entry] = log
        self._names[pid] = name
        known = process.identity(pid)
        self._groups.append(known)
        return known

    def _tell(self, data: bytes) -> None:
        try:
            os.write(self._report, data + b"\n")
        except OSError:  # the session that started us has gone on
            pass

    def _serve(self, wakeup: int) -> None:
        """Wait for output, an end or the deadline, and act on it."""
        ready = self._await(wakeup)
        for descriptor in ready:
            if descriptor == wakeup:
                os.read(wakeup, 512)
            elif descriptor in self._pipes:
                self._copy(descriptor)
        self._reap()
        if self._checker is not None:
            self._check(ready)
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self._deadline = time.monotonic() + _KILL_WAIT
            self._signal(signals.SIGKILL)

    def _check(self, ready: List[int]) -> None:
        """Follow the health of the service, unless it stops."""
        if self._stopping:
            self._checker.close()
            self._checker = None
        else:
            self._checker.turn(ready)

    def _await(self, wakeup: int) -> List[int]:
        """Descriptors at which something has happened, or nothing when something else is due."""
        patience = self._patience()
        if self._checker is None:
            return select.select([wakeup, *self._pipes], [], [], patience)[0]
        reads, writes = self._checker.wants()
        due = self._checker.patience()
        patience = due if patience is None else patience if due is None else min(patience, due)
        found = select.select([wakeup, *self._pipes, *reads], writes, [], patience)
        return found[0] + found[1]

    def _patience(self) -> Optional[float]:
        if self._deadline is None:
            return None
        left = max(0.0, self._deadline - time.monotonic())
        # What a process left in its group is no child of ours: its end is no event that could be awaited.
        return left if self._names else min(left, _POLL)

    def _copy(self, descriptor: int) -> bool:
        """Move output to its log; whether there may be more at once."""
        try:
            data = os.read(descriptor, files.CHUNK)
        except BlockingIOError:
            return False
        if data:
            self._pipes[descriptor].write(data)
            return True
        self._pipes.pop(descriptor).close()
        os.close(descriptor)
        return False

    def _reap(self) -> None:
        while self._names:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            name = self._names.pop(pid, "")
            if not name:
                if self._checker is not None:
                    self._checker.ended(pid, status)
                continue
            code = process.exit_code(status)
            self._record(name, code)
            self._tell(f"{name} {code}".encode())
            self._stop()

    def _record(self, name: str, code: int) -> None:
        try:
            data = encode({"code": code, "at": round(time.time(), 3)})
            files.replace(f"{self._service.run}/{name}.exit", data, last=False)
        except OSError:  # a full disk must not end the supervision of what still runs
            pass

    def _stop(self) -> None:
        if not self._stopping:
            self._stopping = True
            self._deadline = time.monotonic() + self._service.stop_timeout
            self._signal(self._service.stop_signal)

    def _signal(self, number: int) -> None:
        for known in self._groups:
            process.signal_group(known, number)

    def _left_over(self) -> bool:
        return any(process.group_alive(known) for known in self._groups)

    def _drain(self) -> None:
        """Write down what is still in the pipes."""
        for descriptor in list(self._pipes):
            while self._copy(descriptor):
                pass


def _checker(watch: Watch, run: str, tell: Any) -> Any:
    """The watch over the service's health: only those who have one load it."""
    return __import__("ramify.stub.checker", fromlist=["Checker"]).Checker(watch, run, tell)
