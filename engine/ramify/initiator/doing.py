"""What is being done on a branch right now: for whoever watches, and for whoever stops it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from ramify.initiator.ports import Session

SLOW = 2.0
"""Seconds after which a step is worth telling: thousands of nodes go by without one."""


class Doing:
    """The step of one branch, and the session whose commands are under way."""

    def __init__(self) -> None:
        self.step = "connecting"
        self.commanded: Session | None = None
        self._since = _now()
        self._told = False

    def at(self, step: str) -> None:
        """A step begins."""
        self.step, self._since, self._told = step, _now(), False

    @contextmanager
    def commanding(self, stub: Session) -> Iterator[None]:
        """Commands are under way: they can be stopped, and must not just be left."""
        self.commanded = stub
        try:
            yield
        finally:
            self.commanded = None

    def overdue(self) -> float | None:
        """The age of the step, once, when it has become worth telling."""
        age = _now() - self._since
        if self._told or age < SLOW:
            return None
        self._told = True
        return age


def _now() -> float:
    return asyncio.get_running_loop().time()
