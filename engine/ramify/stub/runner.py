"""Run an installer to its end: output to a log, a limit of time, nothing left behind."""

from __future__ import annotations

import os
import select
import time

from ramify.stub import files, logs, process, stopping

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from typing import Callable, List, Optional

    from ramify.stub import layout
else:
    import _signal as signals  # `signal` builds enumerations when it is imported

_TAIL = 32 << 10
_KILL_AFTER = 2.0
_STOP_AFTER = 1.0  # who stops waits for that


class Result:
    """How a program ended, and what it said."""

    __slots__ = ("code", "line", "stopped", "tail", "timed_out")

    def __init__(self, code: int, timed_out: bool, stopped: bool, out: bytes, tail: str) -> None:
        self.code = code
        self.timed_out = timed_out
        self.stopped = stopped
        spoken = [line for line in logs.lines(out) if line.strip()]
        self.line = spoken[-1].strip() if spoken else ""
        self.tail = tail

    def reason(self) -> str:
        """How it failed, for a message; empty if it did not."""
        if self.stopped:
            return "was stopped, as asked"
        if self.timed_out:
            return "ran out of time and was ended"
        if self.code < 0:
            return f"was ended by signal {-self.code}"
        return f"ended with exit code {self.code}" if self.code else ""


def run(
    program: process.Program,
    log: str,
    timeout: float,
    announce: Callable[[process.Identity], None],
    root: layout.Root,
) -> Result:
    """Run `program`; `announce` must journal the process before it may begin. The session may stop it."""
    gate = process.Gate()
    out, out_writer = os.pipe()
    err, err_writer = os.pipe()
    pid = process.spawn(program, gate, out_writer, err_writer)
    os.close(out_writer)
    os.close(err_writer)
    known = process.identity(pid)
    announce(known)
    gate.open(1)
    return _Run(known, out, err, logs.Log(log)).finish(timeout, root)


class _Run:
    def __init__(self, known: process.Identity, out: int, err: int, log: logs.Log) -> None:
        self._known = known
        self._log = log
        self._out = out
        self._pipes = [out, err]
        self._said = b""  # the end of its standard output
        self._tail = b""  # the end of all its output
        self._before = b""  # the last byte before that

    def finish(self, timeout: float, root: layout.Root) -> Result:
        """Read until the program has ended, or shall, or its time is over; end what it left in its group."""
        deadline = time.monotonic() + timeout
        wakeup = process.listen()
        try:
            status = self._wait()
            while status is None and time.monotonic() < deadline and not stopping.asked(root):
                peer = stopping.descriptors(root)
                self._read([wakeup, *peer, *self._pipes], max(0.0, deadline - time.monotonic()))
                status = self._wait()
        finally:
            process.quiet(wakeup)
        stopped = status is None and root.stopped
        timed_out = status is None and not stopped
        if process.group_alive(self._known):
            process.stop([self._known], signals.SIGTERM, _STOP_AFTER if stopped else _KILL_AFTER)
        if status is None:
            status = os.waitpid(self._known[0], 0)[1]
        self._drain()
        tail = logs.ending(self._tail, self._before)
        return Result(process.exit_code(status), timed_out, stopped, self._said, tail)

    def _wait(self) -> Optional[int]:
        pid, status = os.waitpid(self._known[0], os.WNOHANG)
        return status if pid else None

    def _read(self, descriptors: List[int], patience: float) -> bool:
        """Move what is there to the log; whether anything was."""
        ready = [item for item in select.select(descriptors, [], [], patience)[0] if item in self._pipes]
        for descriptor in ready:
            data = os.read(descriptor, files.CHUNK)
            if not data:
                self._pipes.remove(descriptor)
                os.close(descriptor)
            elif descriptor == self._out:
                self._said = (self._said + data)[-_TAIL:]
            self._tail += data
            self._before = self._tail[-_TAIL - 1 : -_TAIL] or self._before
            self._tail = self._tail[-_TAIL:]
            self._log.write(data)
        return bool(ready)

    def _drain(self) -> None:
        while self._pipes and self._read(self._pipes, 0):
            pass
        for descriptor in self._pipes:
            os.close(descriptor)
        self._log.close()
