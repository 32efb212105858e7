"""A supervisor's watch over the health of its service, told in a file of the service's run folder.

Rule 1: while the service is `starting` it is asked again soon, and has until its limit to pass once.
Rule 2: after that a failure counts when `retries` of them follow each other, and one success ends them.
"""

from __future__ import annotations

import os
import time

from ramify.stub import files, health, probes, process
from ramify.stub.wire import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as signals
    from typing import Any, Callable, List, Tuple

    from ramify.stub.orders import Order
else:
    import _signal as signals  # `signal` builds enumerations when it is imported

_SOON = 0.05
_LATER = 1.0
PAUSE, GO_ON = "SIGUSR1", "SIGUSR2"


class Watch:
    """What a supervisor needs to know: the check, told in full, and how to run programs."""

    __slots__ = ("program", "said")

    def __init__(self, said: Order, program: process.Program) -> None:
        self.said = said
        self.program = program


class Checker:
    """Makes one check after the other. `tell` is called once, when the service has started, or has not."""

    def __init__(self, watch: Watch, run: str, tell: Callable[[bytes], None]) -> None:
        self._watch = watch
        self._said = watch.said
        self._file = f"{run}/{health.FILE}"
        self._tell = tell
        self._probe: Any = None
        self._failures = 0
        self._wish: Any = None
        if self._said["kind"] == "exec":
            os.chdir(watch.program.cwd)
            os.umask(watch.program.umask)
        self._begin()
        signals.signal(getattr(signals, PAUSE), self._told)
        signals.signal(getattr(signals, GO_ON), self._told)

    def _told(self, number: int, _frame: object) -> None:
        """A session says that the service pauses, or goes on: seen to when nothing else is under way."""
        self._wish = self._begin if number == getattr(signals, GO_ON) else self._pause

    def _begin(self) -> None:
        self._drop()
        self._soon = _SOON
        self._limit = probes.now() + health.limit(self._said)
        self._due = probes.now()
        self._set(health.STARTING, "")

    def _pause(self) -> None:
        self._drop()
        self._set(health.PASSIVE, "")

    def _drop(self) -> None:
        if self._probe is not None:
            self._probe.close()
        self._probe = None

    def _set(self, state: str, output: str) -> None:
        self.state = state
        self._output = output
        try:
            told = {"state": state, "since": round(time.time(), 3), "output": health.bounded(output)}
            files.replace(self._file, encode(told), last=False)
        except OSError:  # a full disk must not end the supervision of what still runs
            pass

    def wants(self) -> Tuple[List[int], List[int]]:
        """Descriptors to wait for, to read and to write."""
        return (self._probe.reads(), self._probe.writes()) if self._probe is not None else ([], [])

    def patience(self) -> Any:
        """Seconds until something is due, None while nothing ever is."""
        if self.state == health.PASSIVE:
            return None
        return max(0.0, (self._due if self._probe is None else self._over) - probes.now())

    def turn(self, ready: List[int]) -> None:
        """Do what is due."""
        if self._wish is not None:
            wish, self._wish = self._wish, None
            wish()
        if self.state == health.PASSIVE:
            return
        if self._probe is None:
            if probes.now() < self._due:
                return
            self._over = probes.now() + self._said["timeout"]
            self._probe = self._new()
        verdict = self._probe.turn(ready)
        if verdict is None and probes.now() >= self._over:
            verdict = self._probe.over()
        self._take(verdict)

    def _new(self) -> Any:
        if self._said["kind"] == "exec":
            return probes.Run(self._watch.program, self._said["timeout"])
        return probes.Wire(self._said)

    def ended(self, pid: int, status: int) -> None:
        """A process that is none of the service's has ended."""
        if self._probe is not None and self._said["kind"] == "exec":
            self._take(self._probe.ended(pid, status))

    def _take(self, verdict: probes.Verdict) -> None:
        if verdict is None:
            return
        self._drop()
        good, output = verdict
        self._failures = 0 if good else self._failures + 1
        pause = self._said["interval"]
        if self.state == health.STARTING and not good:
            pause = min(self._soon, pause)
            self._soon = min(2 * self._soon, _LATER)
        self._due = probes.now() + pause
        self._judge(good, output)

    def _judge(self, good: bool, output: str) -> None:
        """One check's verdict, held against those before it."""
        was = self.state
        if good:
            if was != health.HEALTHY:
                self._set(health.HEALTHY, "")
        elif was == health.STARTING:
            if probes.now() >= self._limit:
                self._set(health.UNHEALTHY, output)
            else:
                self._output = output
        elif was == health.HEALTHY and self._failures >= self._said["retries"]:
            self._set(health.UNHEALTHY, output)
        if was == health.STARTING != self.state:
            self._tell(encode({"healthy": good, "output": output}))

    def close(self) -> None:
        """Check no more."""
        self._drop()
