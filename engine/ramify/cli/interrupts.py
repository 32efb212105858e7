"""Ctrl-C while a plan is carried out: once drains, twice stops, a third time lets go of everything.

Rule 1: after the first nothing new is begun on any level, and what is in flight ends.
Rule 2: after the second what is in flight is ended, too, down to the leaves; SIGTERM does that at once.
Rule 3: after the third nobody is waited for: initiators further down may still be at work.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ramify.initiator.brake import WITHIN, Brake

REASON = "the run was interrupted"
DRAINS = (
    "\nInterrupted: nothing new is begun, and what is in flight ends. Ctrl-C again stops that, too, "
    f"within {WITHIN + 1:g} s."
)
STOPS = "\nStopping what is in flight, on all levels. Ctrl-C once more waits for nobody."


class Interrupts:
    """Counts them, and pulls the brake of the run; only where it matters it goes `one_by_one`."""

    def __init__(self, note: Callable[[str], None], *, one_by_one: bool = True) -> None:
        self.brake = Brake()
        self.count = 0
        self._note = note
        self._one_by_one = one_by_one

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hear them while the block lasts, which runs in a task of its own."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if not self._one_by_one or task is None:
            yield
            return
        loop.add_signal_handler(signal.SIGINT, self._interrupt, task)
        loop.add_signal_handler(signal.SIGTERM, self._terminate, task)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            loop.remove_signal_handler(signal.SIGTERM)

    def _terminate(self, task: "asyncio.Task[object]") -> None:
        self.count = max(self.count, 1)
        self._interrupt(task)

    def _interrupt(self, task: "asyncio.Task[object]") -> None:
        self.count += 1
        if self.count == 1:
            self._note(DRAINS)
            self.brake.drain(REASON)
        elif self.count == 2:
            self._note(STOPS)
            self.brake.stop(REASON)
        else:
            task.cancel()
